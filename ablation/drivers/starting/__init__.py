"""From a folder of audio to a study.

:mod:`~ablation.drivers.starting.finding` walks the folder and reads headers,
:mod:`~ablation.drivers.starting.understanding` says who speaks what,
:mod:`~ablation.drivers.starting.settings` chooses what the study says,
:mod:`~ablation.drivers.starting.writing` writes it down. Nothing is written before all of it is
known to run.
"""
