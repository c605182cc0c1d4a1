"""Drivers: a plan of cells, minus what is stored, executed and stored as it comes.

The only room that joins corpora, features, training, execution and the store. Here live the runs
themselves: :mod:`~ablation.drivers.prepare` (a study's corpus, folds and digest),
:mod:`~ablation.drivers.grid`, promotion (:mod:`~ablation.drivers.choosing` which shapes,
:mod:`~ablation.drivers.promote` which cells, :mod:`~ablation.drivers.keeping` the networks), what
trains and stores for all of them (:mod:`~ablation.drivers.running`,
:mod:`~ablation.drivers.crew`), and what is read back: :mod:`~ablation.drivers.stored` (the rows of
one digest) and :mod:`~ablation.drivers.evidence` (what analysis says of them).

Four rooms of their own: :mod:`~ablation.drivers.starting` (from a folder of audio to a study),
:mod:`~ablation.drivers.searching` (points drawn while cells come in),
:mod:`~ablation.drivers.estimating` (what a run will take, and what the machine has) and
:mod:`~ablation.drivers.showing` (figures, report, tables and counts from stored rows).
"""
