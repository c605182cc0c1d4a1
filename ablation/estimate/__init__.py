"""Estimating the time and memory of a run, and checking the machine.

:mod:`~ablation.estimate.measuring` measures how long a step takes here, and
:mod:`~ablation.estimate.workload` counts the steps;
:mod:`~ablation.estimate.probes` estimates a grid from both and
:mod:`~ablation.estimate.networks` a promotion, with shared parts in
:mod:`~ablation.estimate.estimate`.
:mod:`~ablation.estimate.doctor` checks the machine
(:mod:`~ablation.estimate.machine`). Nothing here stores or trains a cell.
"""
