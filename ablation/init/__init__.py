"""Making a study from a folder of audio.

:mod:`~ablation.init.finding` finds the recordings and reads their headers,
:mod:`~ablation.init.understanding` determines speakers and labels from the names of files and
folders (:mod:`ablation.corpora.names`), :mod:`~ablation.init.study_settings` chooses the settings
of the study, and :mod:`~ablation.init.writing` writes it. Nothing is written until the study is
known to be valid.
"""
