"""The page of all columns, from the Arrow schemas that rows are written with."""

import tomllib
from pathlib import Path

import pyarrow as pa

from ablation.records import SCHEMA_VERSION, TABLES, Table, schema
from documentation.markdown import cell, table

MEANINGS = tomllib.loads(Path(__file__).with_name("meanings.toml").read_text(encoding="utf-8"))
CLASS = "CLASS"

INTRODUCTION = f"""# Columns of the tables

The Parquet files of `results/STUDY`, schema version {SCHEMA_VERSION}.
`ablation.read_results(folder)` gives them as DataFrames, finished and failed rows apart; any
program that reads Parquet reads them too. Columns with {CLASS} are there once for every class of
the study. A row of the same key replaces an earlier one. Rows of several settings lie in one file:
`digest` tells them apart.
"""


def page() -> str:
    """The page as Markdown: a heading and a table of columns for every table."""
    return INTRODUCTION + "".join(_section(found) for found in TABLES.values())


def meaning(column: str) -> str:
    """What a column holds; ``KeyError`` for one that nobody has described."""
    return MEANINGS["columns"][column]


def _section(found: Table) -> str:
    of = MEANINGS["tables"][found.name]
    key = ", ".join(f"`{name}`" for name in found.key)
    rows = [
        (f"`{field.name}`", _kind(field.type), cell(meaning(field.name)))
        for field in schema(found, [CLASS])
    ]
    text = f"\n## {found.name}.parquet\n\n{of} Key: {key}.\n"
    return text + "\n" + table(("column", "type", "holds"), rows)


def _kind(given: pa.DataType) -> str:
    return "time, UTC" if pa.types.is_timestamp(given) else str(given)
