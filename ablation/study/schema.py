"""A JSON schema of a study, so that editors complete and check its TOML; and its fields by name."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from ablation.study.fields import Spec
from ablation.study.specs import Study

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def study_schema() -> dict[str, Any]:
    """Return the schema of a study file (JSON Schema, draft 2020-12).

    What TOML cannot say is not in it: a field that is None is one left out.
    """
    schema = _for_toml(Study.model_json_schema())
    schema["properties"]["as_run"] = {
        "type": "object",
        "description": "A note in settings as run; not read.",
    }
    return {"$schema": DIALECT} | schema | {"title": "A study of ablation"}


def _for_toml(node: Any) -> Any:
    """Return ``node`` without null, and with texts in Markdown."""
    if isinstance(node, list):
        return [_for_toml(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _for_toml(value)
        for key, value in node.items()
        if not (key == "default" and (value is None or isinstance(value, dict)))
    }
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].replace("``", "`").split())
    choices = [one for one in kept.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        kept = choices[0] | kept
    elif choices:
        kept["anyOf"] = choices
    return kept


def study_fields(spec: type[Spec] = Study, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every field as ``--set`` names it, with its description; tables end in a dot."""
    for name, field in spec.named_fields().items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Spec):
            yield f"{prefix}{name}.", field.description or ""
            yield from study_fields(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description or ""


def known_values(path: str) -> list[str]:
    """Return the values of a field of ``--set``; none where it takes other values too."""
    spec: Any = Study
    for part in path.split("."):
        if not (isinstance(spec, type) and issubclass(spec, Spec)):
            return []
        field = spec.named_fields().get(part)
        if field is None:
            return []
        if isinstance(extra := field.json_schema_extra, dict) and "enum" in extra:
            return list(map(str, extra["enum"]))  # type: ignore[arg-type]
        spec = field.annotation
    if spec is bool:
        return ["true", "false"]
    choices = [one for one in (spec, *get_args(spec)) if get_origin(one) is Literal]
    return [str(word) for choice in choices for word in get_args(choice)]
