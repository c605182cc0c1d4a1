"""The store: what cells found, in parquet, never lost and never half-written.

:class:`ResultStore` takes rows as they come and gives them back; :func:`read_results` gives a
results folder as DataFrames. Nothing here knows how a row came about.
"""

from ablation.store.parquet import ResultStore, TableContent
from ablation.store.reading import Results, read_results

__all__ = ["ResultStore", "Results", "TableContent", "read_results"]
