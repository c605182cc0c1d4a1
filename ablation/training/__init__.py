"""Training: one cell in, one outcome out.

:mod:`~ablation.training.task` says what a cell is, :mod:`~ablation.training.cell` runs it: it
opens the features, fits a probe or a network (:mod:`~ablation.training.fit`), scores the held-out
speakers (:mod:`~ablation.training.metrics`) and returns the rows. It never writes a file.
"""
