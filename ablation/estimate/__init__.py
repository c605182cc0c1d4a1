"""Estimating the time and memory of a run, and checking the machine.

:mod:`~ablation.drivers.estimating.measuring` measures how long a step takes here, and
:mod:`~ablation.drivers.estimating.workload` counts the steps;
:mod:`~ablation.drivers.estimating.probes` estimates a grid from both and
:mod:`~ablation.drivers.estimating.networks` a promotion, with shared parts in
:mod:`~ablation.drivers.estimating.estimate`.
:mod:`~ablation.drivers.estimating.doctor` checks the machine
(:mod:`~ablation.drivers.estimating.machine`). Nothing here stores or trains a cell.
"""
