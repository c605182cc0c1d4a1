"""Showing: figures, report, tables, contrasts and counts, from stored rows alone.

:mod:`~ablation.drivers.showing.plot`, :mod:`~ablation.drivers.showing.report`,
:mod:`~ablation.drivers.showing.table1`, :mod:`~ablation.drivers.showing.compare` and
:mod:`~ablation.drivers.showing.status` are each behind a command; the other files are their parts.
The packages ``analysis``, ``figures`` and ``report`` draw and word; here they are given the rows.
Nothing here needs a corpus or trains.
"""
