"""Who speaks and what, as the names of recordings tell it.

:mod:`~ablation.corpora.names.parts` takes names apart, :mod:`~ablation.corpora.names.guessing`
ranks what their parts may be, by the data and by the words of
:mod:`~ablation.corpora.names.words`.
"""
