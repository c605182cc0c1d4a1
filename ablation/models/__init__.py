"""Models: the probe whose filter shape is under study, and the network it is promoted into.

A model maps segments, shape (n, 1, height, width), to class scores, shape (n, classes). Nothing
here knows of corpora, folds or training.
"""
