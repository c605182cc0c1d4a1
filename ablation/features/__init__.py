"""Features: recordings become spectrograms, spectrograms become segments in batches.

:mod:`~ablation.features.audio` reads and checks a recording, :mod:`~ablation.features.spectrogram`
is the paper's section 2.1, :mod:`~ablation.features.cache` keeps one array an utterance on disk,
:mod:`~ablation.features.segments` says where segments lie and :mod:`~ablation.features.bank` makes
normalised batches of them. Only the bank loads torch; nothing here knows of networks or folds.
"""
