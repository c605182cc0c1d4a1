"""Searching: points are drawn in rounds, and the cells they need are trained.

:mod:`~ablation.drivers.searching.search` is the run, :mod:`~ablation.drivers.searching.space` the
search space, and :mod:`~ablation.drivers.searching.rounds` decides which cells come next and how a
trial ends. Only :mod:`~ablation.drivers.searching.trials` uses optuna, and only
:mod:`~ablation.drivers.searching.database` its file; :mod:`~ablation.drivers.searching.searched`
describes a search without optuna.
"""
