"""Generate the page of the study file from the models that read it."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from ablation.study import Study
from documentation.markdown import cell, table

MEANINGS = tomllib.loads(Path(__file__).with_name("meanings.toml").read_text(encoding="utf-8"))

INTRODUCTION = """# The study file

A study is a TOML file with these tables. Every field has a default, which is the paper's value or
[our interpretation of what the paper leaves open](../explanation/protocol.md); unknown fields are
refused. `--set TABLE.FIELD=VALUE` sets any field for one run, as in `--set training.steps=300`.
Paths are relative to the file. The rows of probes do not depend on `[execution]` (except
`threads`), `[grid]`, `[search]`, `[network]` and `[cluster]`; the rows of networks also depend on
`[network]`.

Studies that ship with the package, by name or as a file to start from:

| `--study` | what it is |
|---|---|
| [demo](../../studies/demo.toml) | a small study of synthetic speech; the default of `--study` |
| [emodb](../../studies/emodb.toml) | EmoDB, leave-one-speaker-out; shown in the README's figure |
| [emodb-300](../../studies/emodb-300.toml) | a shorter one with five groups of speakers |
| [ravdess](../../studies/ravdess.toml) | RAVDESS with six groups of speakers |
| [planted](../../studies/planted.toml) | synthetic sound with a known answer |
| [paper](../../studies/paper.toml) | IEMOCAP with the paper's protocol |
| [paper-literal](../../studies/paper-literal.toml) | the most literal interpretation of the paper |
"""


def page() -> str:
    """Return the page as Markdown: a heading and a table of fields for every table of a study."""
    return INTRODUCTION + "".join(_section(path, found) for path, found in tables())


def tables() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every table's path, as ``network.training`` ("" for the top), and its JSON schema."""
    schema = Study.model_json_schema()
    yield from _below("", schema, schema["$defs"])


def fields(schema: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the fields of a table that are not tables themselves."""
    return {name: field for name, field in schema["properties"].items() if "$ref" not in field}


def meaning(path: str, name: str, field: Mapping[str, Any]) -> str:
    """Return the meaning of a field: the model's description, else that of ``meanings.toml``.

    Raises
    ------
    KeyError
        For a field without a description.
    """
    table_name = "training" if path == "network.training" else path.removeprefix("network.")
    return field.get("description") or MEANINGS["study"][table_name or "top"][name]


def _below(
    path: str, schema: Mapping[str, Any], known: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, schema
    for name, field in schema["properties"].items():
        if "$ref" in field:
            yield from _below(f"{path}.{name}".strip("."), _table(field, known), known)


def _table(field: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a table's schema with the defaults that it has at this path."""
    schema = known[field["$ref"].rpartition("/")[2]]
    given = field.get("default", {})
    properties = {
        name: inner | ({"default": given[name]} if name in given else {})
        for name, inner in schema["properties"].items()
    }
    return schema | {"properties": properties}


def _section(path: str, schema: Mapping[str, Any]) -> str:
    heading = f"[{path}]" if path else "At the top"
    rows = [
        (f"`{name}`", cell(kind(field)), f"`{_toml(field.get('default'))}`" if
         field.get("default") is not None else "", cell(meaning(path, name, field)))
        for name, field in fields(schema).items()
    ]  # fmt: skip
    text = f"\n## {heading}\n\n{_as_markdown(schema.get('description', ''))}\n"
    return text + "\n" + table(("field", "type", "default", "meaning"), rows)


def _as_markdown(docstring: str) -> str:
    return docstring.replace("``", "`").strip()


def kind(schema: Mapping[str, Any]) -> str:
    """Return a field's type and bounds in words."""
    if "anyOf" in schema:
        return " or ".join(kind(s) for s in schema["anyOf"] if s.get("type") != "null")
    if "enum" in schema:
        return " | ".join(f"`{value}`" for value in schema["enum"])
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(kind(s) for s in schema['prefixItems'])}]"
        case "array":
            return f"list of {kind(schema['items'])}"
        case "object":
            return "table"
        case "integer":
            return f"whole number{_bounds(schema)}"
        case "number":
            return f"number{_bounds(schema)}"
        case "boolean":
            return "`true` | `false`"
        case _:
            return "path" if schema.get("format") == "path" else "text"


def _bounds(schema: Mapping[str, Any]) -> str:
    """Return the bounds that matter to a user; the limits of a number type do not."""
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    said = [f"{sign} {schema[name]:g}" for name, sign in signs.items()
            if name in schema and abs(schema[name]) < 1e9]  # fmt: skip
    return f" {' and '.join(said)}" if said else ""


def _toml(value: Any) -> str:
    """Return a default as it would be written in the file."""
    if isinstance(value, list):
        return json.dumps(value)
    return tomli_w.dumps({"v": value}).removeprefix("v = ").strip() if value != {} else "{}"
