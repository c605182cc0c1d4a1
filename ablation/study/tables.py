"""Tables of a study before and after validation: values set by name, and faults explained."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ablation.errors import StudyError
from ablation.errors.studies import InvalidField, NotUtf8, UnknownField
from ablation.files import at_home
from ablation.study.fields import FORMS, Spec

Kind = TypeVar("Kind", bound=Spec)

COMMAND_LINE = "command line"
_LONGEST = 200  # characters of a value in a message
PATHS = (
    "corpus.root", "features.noise_folder",
    "cluster.tls_ca_file", "cluster.tls_cert", "cluster.tls_key",
)  # fmt: skip
_EXCLUSIVE = (("epochs", "steps"), ("address", "system"))  # fields of which one clears the other


def validated(kind: type[Kind], tables: dict[str, Any], origin: str) -> Kind:
    """Validate ``tables``; a :class:`StudyError` names ``origin`` when something is wrong."""
    try:
        return kind.model_validate(tables)
    except ValidationError as error:
        raise _explain(kind, error, origin) from error


def without_none(tables: dict[str, Any]) -> dict[str, Any]:
    """Leave out the fields that are None, since TOML has no null."""
    return {
        key: without_none(value) if isinstance(value, dict) else value
        for key, value in tables.items()
        if value is not None
    }


def resolve_path(tables: dict[str, Any], field: str, folder: Path) -> None:
    """Make the path of a field absolute; in a study it is relative to the study's file."""
    above, _, name = field.partition(".")
    table = tables.get(above)
    if isinstance(table, dict) and isinstance(table.get(name), str):
        table[name] = str((folder / at_home(Path(table[name]))).absolute())


def table_of(tables: dict[str, Any], name: str) -> dict[str, Any]:
    table = tables.setdefault(name, {})
    if not isinstance(table, dict):
        raise InvalidField(COMMAND_LINE, name, _shown(table), f"expected a table [{name}]")
    return table


def set_field(tables: dict[str, Any], field: str, value: Any) -> None:
    """Set a field of the raw tables."""
    if isinstance(value, str):
        require_utf8(field, value)
    *above, name = field.split(".")
    table = tables
    for key in above:
        table = table_of(table, key)
    table[name] = value
    for one, other in _EXCLUSIVE:
        if name in (one, other):
            table.pop(other if name == one else one, None)
    if field in PATHS:
        resolve_path(tables, field, Path.cwd())


def require_utf8(where: str, text: str) -> None:
    """Raise :class:`NotUtf8` for bytes of the command line that no study file could hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotUtf8(where, text) from error


def _explain(kind: type[Spec], error: ValidationError, origin: str) -> StudyError:
    """Return the first fault of a study as an expected error."""
    fault = error.errors(include_url=False)[0]
    location = [part for part in fault["loc"] if part not in ("str", "dict[str,str]")]
    field = ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        return UnknownField(origin, field, _fields_beside(kind, location))
    reason = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    reason = re.sub(", unable to parse.*| after validation.*", "", reason[:1].lower() + reason[1:])
    if fault["type"] == "string_pattern_mismatch":
        reason = f"expected {FORMS[fault.get('ctx', {})['pattern']]}"
    if fault["type"] == "value_error":
        return InvalidField(origin, field, "", reason)
    value = _shown(fault["input"])
    if fault["type"] in ("model_type", "dict_type"):
        reason = f"expected a table [{field}]"
    return InvalidField(origin, field, value, reason)


def _shown(value: Any) -> str:
    """Return a value as Python writes it, cut where a message would become a page."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than some thousand digits
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _fields_beside(kind: type[Spec], location: Sequence[Any]) -> list[str]:
    """Return the fields of the table that holds the last part of ``location``."""
    spec: Any = kind
    for part in location[:-1]:
        spec = spec.named_fields()[part].annotation
    return list(spec.named_fields())
