"""Searching: points drawn in rounds, and the cells that they need.

:mod:`~ablation.drivers.searching.search` is the run, :mod:`~ablation.drivers.searching.space` what
may be tried, :mod:`~ablation.drivers.searching.rounds` which cells come next and how a trial ends.
Optuna enters by :mod:`~ablation.drivers.searching.trials` and its file by
:mod:`~ablation.drivers.searching.database` alone; what was tried is told, without optuna, by
:mod:`~ablation.drivers.searching.searched`.
"""
