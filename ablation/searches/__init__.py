"""Search: optuna draws points, and the cells they need are trained.

:mod:`~ablation.searches.search` is the run, :mod:`~ablation.searches.space` the search space,
:mod:`~ablation.searches.schedule` decides which cells come next and how a trial ends, and
:mod:`~ablation.searches.trials` asks and tells optuna. What a search leaves behind is read by
:mod:`~ablation.results.search_file`.
"""
