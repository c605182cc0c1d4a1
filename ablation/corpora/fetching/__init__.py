"""Fetching: corpora from their public homes into a folder, whole or not at all.

:mod:`~ablation.corpora.fetching.download` does it from the first byte to the folder's name,
:mod:`~ablation.corpora.fetching.sources` knows addresses, licences and checksums,
:mod:`~ablation.corpora.fetching.resuming` goes on where a download was cut off and
:mod:`~ablation.corpora.fetching.unpacking` trusts no archive. Nothing else in the package opens a
connection to another machine but a cluster's.
"""
