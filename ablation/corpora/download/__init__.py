"""Fetching: corpora are downloaded from their public homes into a folder, completely or not at all.

:mod:`~ablation.corpora.fetching.download` does the whole of it,
:mod:`~ablation.corpora.fetching.sources` lists addresses, licences and checksums,
:mod:`~ablation.corpora.fetching.resuming` continues a download that was cut off, and
:mod:`~ablation.corpora.fetching.unpacking` trusts no archive. Apart from clusters, nothing else in
the package connects to another machine.
"""
