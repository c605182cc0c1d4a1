"""Training: a cell is trained and scored, and its rows are returned.

:mod:`~ablation.training.task` defines what a cell is. :mod:`~ablation.training.cell` runs it: it
opens the features, fits a probe or a network (:mod:`~ablation.training.fit`) or one of the
baselines (:mod:`~ablation.training.baselines`), scores the held-out speakers
(:mod:`~ablation.training.metrics`) and returns the rows. The only file written is the
:mod:`~ablation.training.checkpoint` of a network, if one is asked for.
"""
