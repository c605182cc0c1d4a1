"""Drivers: a plan of cells, minus what is stored, executed and stored as it comes.

The only room that joins corpora, features, training, execution and the store. A command has a
module of its own: :mod:`~ablation.drivers.grid`, :mod:`~ablation.drivers.plot`,
:mod:`~ablation.drivers.report`, :mod:`~ablation.drivers.compare`, :mod:`~ablation.drivers.status`,
:mod:`~ablation.drivers.predict`, :mod:`~ablation.drivers.explain`;
promotion has :mod:`~ablation.drivers.choosing` (which shapes), :mod:`~ablation.drivers.promote`
(which cells), :mod:`~ablation.drivers.keeping` (the networks) and :mod:`~ablation.drivers.table1`.
What plots, reports and choices read is :mod:`~ablation.drivers.stored` (the rows of one digest) and
:mod:`~ablation.drivers.evidence` (what analysis says of them).
"""
