"""Training: a task goes in, the rows of its cell come out.

:mod:`~ablation.training.task` says what a cell and its task are.
:mod:`~ablation.training.worker` runs a task: :mod:`~ablation.training.cell` opens the features and
fits a probe or a network (:mod:`~ablation.training.fit`) or one of the baselines
(:mod:`~ablation.training.baselines`), and :mod:`~ablation.training.rows` makes the rows from the
scores of the held-out speakers. The only file written is the
:mod:`~ablation.training.checkpoint` of a network, if one is asked for.
"""
