"""The store: what cells found, in parquet, never lost and never half-written.

:class:`ResultStore` takes rows as they come and gives them back; :func:`read_results` gives a
results folder as DataFrames, and :class:`Watch` tells a run what others have finished meanwhile.
Nothing here knows how a row came about.
"""

from ablation.store.parquet import ResultStore, TableContent
from ablation.store.reading import Results, read_results
from ablation.store.watch import Watch

__all__ = ["ResultStore", "Results", "TableContent", "Watch", "read_results"]
