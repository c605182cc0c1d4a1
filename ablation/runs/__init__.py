"""Runs: planned cells minus stored ones are trained, and their rows stored as they come.

:mod:`~ablation.runs.prepare` reads a study's corpus and makes its folds and spectrograms. A grid
(:mod:`~ablation.runs.grid`) and a promotion (:mod:`~ablation.runs.shape_selection`, then
:mod:`~ablation.runs.promote`) plan cells, :mod:`~ablation.runs.runner` gives them to an executor,
and :mod:`~ablation.runs.collector` stores what comes back. :mod:`~ablation.runs.promotion` runs a
whole promotion; :mod:`~ablation.runs.status` counts.
"""
