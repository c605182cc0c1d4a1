"""Runs: planned cells minus stored ones are trained, and their rows stored as they come.

:mod:`~ablation.runs.prepare` reads a study's corpus and makes its folds and spectrograms.
:mod:`~ablation.runs.grid` plans and runs a grid, :mod:`~ablation.runs.promote` a promotion: it
chooses shapes (:mod:`~ablation.runs.shape_selection`), plans the networks' cells
(:mod:`~ablation.runs.network_plan`) and writes Table 1 (:mod:`~ablation.runs.table1`). Both give
their cells to an executor by :mod:`~ablation.runs.runner`, and
:mod:`~ablation.runs.collector` stores what comes back; :mod:`~ablation.runs.status` counts.
"""
