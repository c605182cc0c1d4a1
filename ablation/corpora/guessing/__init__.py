"""Guessing: who speaks and which label, read from the names of files and folders.

Pure functions on names, no file is opened: :mod:`~ablation.corpora.guessing.parts` takes a path
apart, :mod:`~ablation.corpora.guessing.evidence` scores what a part may be (with
:mod:`~ablation.corpora.guessing.words`), :mod:`~ablation.corpora.guessing.sessions` knows who comes
back, :mod:`~ablation.corpora.guessing.naming` decides, or refuses in the words of
:mod:`~ablation.corpora.guessing.refusals`; :mod:`~ablation.corpora.guessing.pattern` is a reading
that a user gives, and :mod:`~ablation.corpora.guessing.schemes` are those of known corpora.
"""
