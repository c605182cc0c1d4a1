"""Drivers plan cells, run those that are not stored, and store their results as they come.

Only this package joins corpora, features, training, execution and the store. Its modules are the
runs themselves: :mod:`~ablation.drivers.prepare` (a study's corpus, folds and digest),
:mod:`~ablation.drivers.grid`, promotion (:mod:`~ablation.drivers.choosing` selects shapes,
:mod:`~ablation.drivers.promote` plans cells, :mod:`~ablation.drivers.keeping` saves networks), what
trains and stores for all of them (:mod:`~ablation.drivers.running`,
:mod:`~ablation.drivers.crew`), and what reads results: :mod:`~ablation.drivers.stored` (the rows of
one digest) and :mod:`~ablation.drivers.evidence` (their analysis).

Its subpackages are :mod:`~ablation.drivers.starting` (from a folder of audio to a study),
:mod:`~ablation.drivers.searching` (adaptive search over shapes),
:mod:`~ablation.drivers.estimating` (time and memory of a run, and the machine) and
:mod:`~ablation.drivers.showing` (figures, report, tables and counts from stored rows).
"""
