"""A results folder: tables of rows, the settings of its runs, and what its searches tried.

:mod:`~ablation.results.schema` has the columns, :class:`ResultStore` appends rows as they come (no
row is lost or half-written) and reads them back, :func:`read_results` returns a results folder as
DataFrames, :class:`Watch` tells a run what others have finished meanwhile,
:mod:`~ablation.results.run_record` keeps the settings and requests of a run, and
:mod:`~ablation.results.search_file` the searches. Nothing here knows how a row was computed.
"""

from ablation.results.reading import Results, read_results
from ablation.results.store import ResultStore, TableContent
from ablation.results.watch import Watch

__all__ = ["ResultStore", "Results", "TableContent", "Watch", "read_results"]
