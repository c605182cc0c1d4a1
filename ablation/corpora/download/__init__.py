"""Fetching: corpora are downloaded from their public homes into a folder, completely or not at all.

:mod:`~ablation.corpora.download.fetch` does the whole of it,
:mod:`~ablation.corpora.download.sources` lists addresses, licences and checksums,
:mod:`~ablation.corpora.download.downloading` has pooch download and check files, and
:mod:`~ablation.corpora.download.unpacking` trusts no archive. Apart from clusters, nothing else in
the package connects to another machine.
"""
