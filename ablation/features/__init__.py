"""Features: recordings become arrays, spectrograms become segments in batches.

In the order in which data flows: :mod:`~ablation.features.audio` reads and checks a recording, with
what :mod:`~ablation.features.containers` and :mod:`~ablation.features.mpeg` tell of its length,
:mod:`~ablation.features.noise` makes it noisy where a study says so,
:mod:`~ablation.features.front_ends` are the paper's spectrogram (section 2.1) and others,
:mod:`~ablation.features.frame_features` are those of earlier systems,
:mod:`~ablation.features.cache` stores one array per utterance on disk,
:mod:`~ablation.features.segments` says where segments lie,
:mod:`~ablation.features.segment_dataset` makes normalised batches of them and
:mod:`~ablation.features.batches` brings these to a device. Only the last two load torch; nothing
here knows of networks or folds.
"""
