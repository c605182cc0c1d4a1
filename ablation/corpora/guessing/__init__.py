"""Speakers and labels, guessed from the names of files and folders.

These are pure functions of names; no file is opened. :mod:`~ablation.corpora.guessing.parts` splits
a path into parts. :mod:`~ablation.corpora.guessing.evidence` scores what a part may be, by the
lists of :mod:`~ablation.corpora.guessing.words`. :mod:`~ablation.corpora.guessing.sessions` finds
speakers recorded in several sessions. :mod:`~ablation.corpora.guessing.naming` decides, or raises
the error that :mod:`~ablation.corpora.guessing.refusals` chooses.
:mod:`~ablation.corpora.guessing.pattern` reads names by a user's pattern, and
:mod:`~ablation.corpora.guessing.schemes` by the naming schemes of known corpora.
"""
