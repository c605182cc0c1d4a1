"""Drivers: a plan of cells, minus what is stored, executed and stored as it comes.

The only room that joins corpora, features, training, execution and the store. A command has a
module of its own: :mod:`~ablation.drivers.grid`, :mod:`~ablation.drivers.plot`,
:mod:`~ablation.drivers.report`, :mod:`~ablation.drivers.compare`, :mod:`~ablation.drivers.status`,
:mod:`~ablation.drivers.predict`, :mod:`~ablation.drivers.explain`,
:mod:`~ablation.drivers.doctor` (with :mod:`~ablation.drivers.machine`); a dry run's hours are
:mod:`~ablation.drivers.estimate` (from :mod:`~ablation.drivers.measuring`, how fast, and
:mod:`~ablation.drivers.workload`, how much);
a search has :mod:`~ablation.drivers.search` (the run), :mod:`~ablation.drivers.space` (what may be
tried), :mod:`~ablation.drivers.rounds` (which cells come next), :mod:`~ablation.drivers.trials`
(optuna), :mod:`~ablation.drivers.searched` (what was tried),
:mod:`~ablation.drivers.search_section` (figure and report) and :mod:`~ablation.drivers.dashboard`;
promotion has :mod:`~ablation.drivers.choosing` (which shapes), :mod:`~ablation.drivers.promote`
(which cells), :mod:`~ablation.drivers.keeping` (the networks) and :mod:`~ablation.drivers.table1`.
What plots, reports and choices read is :mod:`~ablation.drivers.stored` (the rows of one digest) and
:mod:`~ablation.drivers.evidence` (what analysis says of them).
"""
