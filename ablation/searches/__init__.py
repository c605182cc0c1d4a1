"""Search: optuna draws points, and the cells they need are trained.

:mod:`~ablation.search.search` is the run, :mod:`~ablation.search.space` the search space,
:mod:`~ablation.search.schedule` decides which cells come next and how a trial ends, and
:mod:`~ablation.search.trials` asks and tells optuna. What a search leaves behind is read by
:mod:`~ablation.results.search_file`.
"""
