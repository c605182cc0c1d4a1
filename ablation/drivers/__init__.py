"""Drivers: a plan of cells, minus what is stored, executed and stored as it comes.

The only room that joins corpora, features, training, execution and the store; each module is one
command: :mod:`~ablation.drivers.grid`, :mod:`~ablation.drivers.promote`,
:mod:`~ablation.drivers.plot`, :mod:`~ablation.drivers.status`.
"""
