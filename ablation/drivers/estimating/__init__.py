"""Estimating: what a run will take, and what the machine has.

:mod:`~ablation.drivers.estimating.measuring` says how fast a step is here,
:mod:`~ablation.drivers.estimating.workload` how many there are, and
:mod:`~ablation.drivers.estimating.estimate` makes hours and memory of both for a dry run;
:mod:`~ablation.drivers.estimating.doctor` looks at the machine
(:mod:`~ablation.drivers.estimating.machine`). Nothing here writes or trains a cell.
"""
