"""Estimating: what a run will take, and what the machine has.

:mod:`~ablation.drivers.estimating.measuring` says how fast a step is here,
:mod:`~ablation.drivers.estimating.workload` how many there are; a grid's hours and memory are
reckoned from both in :mod:`~ablation.drivers.estimating.probes`, a promotion's in
:mod:`~ablation.drivers.estimating.networks`, with what both share in
:mod:`~ablation.drivers.estimating.estimate`.
:mod:`~ablation.drivers.estimating.doctor` looks at the machine
(:mod:`~ablation.drivers.estimating.machine`). Nothing here writes or trains a cell.
"""
