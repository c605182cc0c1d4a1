"""Making a study from a folder of audio.

:mod:`~ablation.drivers.starting.finding` finds the recordings and reads their headers,
:mod:`~ablation.drivers.starting.understanding` determines speakers and labels,
:mod:`~ablation.drivers.starting.settings` chooses the settings of the study, and
:mod:`~ablation.drivers.starting.writing` writes it. Nothing is written until the study is known to
be valid.
"""
