"""Generate the page of all columns from the Arrow schemas that rows are written with."""

import tomllib
from pathlib import Path

import pyarrow as pa

from ablation.results.schema import SCHEMA_VERSION, TABLES, Table, schema
from documentation.markdown import cell, table

MEANINGS = tomllib.loads(Path(__file__).with_name("meanings.toml").read_text(encoding="utf-8"))
CLASS = "CLASS"

INTRODUCTION = f"""# Columns of the tables

The Parquet files of `results/STUDY`, schema version {SCHEMA_VERSION}.
`ablation.read_results(folder)` gives them as DataFrames, finished and failed rows apart; any
program that reads Parquet reads them too. Columns with {CLASS} occur once for every class of the
study. A row replaces an earlier one with the same key. One file may contain rows with several
settings; `digest` distinguishes them.
"""


def page() -> str:
    """Return the page as Markdown: a heading and a table of columns for every table."""
    return INTRODUCTION + "".join(_section(found) for found in TABLES.values())


def meaning(column: str) -> str:
    """Return what a column contains; raise ``KeyError`` for one without a description."""
    return MEANINGS["columns"][column]


def _section(found: Table) -> str:
    of = MEANINGS["tables"][found.name]
    key = ", ".join(f"`{name}`" for name in found.key)
    rows = [
        (f"`{field.name}`", _kind(field.type), cell(meaning(field.name)))
        for field in schema(found, [CLASS])
    ]
    text = f"\n## {found.name}.parquet\n\n{of} Key: {key}.\n"
    return text + "\n" + table(("column", "type", "meaning"), rows)


def _kind(given: pa.DataType) -> str:
    return "time, UTC" if pa.types.is_timestamp(given) else str(given)
