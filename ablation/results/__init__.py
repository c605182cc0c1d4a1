"""The store keeps the results of cells in Parquet files: no row is lost or half-written.

:class:`ResultStore` appends rows as they come and reads them back, :func:`read_results` returns a
results folder as DataFrames, and :class:`Watch` tells a run what others have finished meanwhile.
Nothing here knows how a row was computed.
"""

from ablation.store.parquet import ResultStore, TableContent
from ablation.store.reading import Results, read_results
from ablation.store.watch import Watch

__all__ = ["ResultStore", "Results", "TableContent", "Watch", "read_results"]
