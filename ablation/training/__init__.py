"""Training: one cell in, one outcome out.

:mod:`~ablation.training.task` says what a cell is, :mod:`~ablation.training.cell` runs it: it
opens the features, fits a probe or a network (:mod:`~ablation.training.fit`) or one of the
:mod:`~ablation.training.references`, scores the held-out speakers
(:mod:`~ablation.training.metrics`) and returns the rows. It writes no file but a network's
:mod:`~ablation.training.checkpoint`, where it is told to. :mod:`~ablation.training.measure` times
a step and the scoring of a segment, by which a driver reckons what cells will take.
"""
