"""Models: the probe whose filter shape is under study, and the network it is promoted into.

A model maps segments, shape (n, 1, height, width), to class scores, shape (n, classes). The user's
own may take the place of both: :mod:`~ablation.models.own` makes it from a
:class:`~ablation.models.spec.ModelSpec`. Nothing here knows of corpora, folds or training.
"""
