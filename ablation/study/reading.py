"""From a TOML file and the command line to validated settings, or to one clear line."""

import re
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ablation.errors import StudyError, suggestion
from ablation.files import at_home, is_file
from ablation.study.specs import Study


def shipped_studies() -> Path:
    """The folder of the studies that come with the package (in a checkout: its ``studies/``)."""
    here = Path(__file__).parents[1]
    packaged = here / "studies"
    return packaged if packaged.is_dir() else here.parent / "studies"


def find_study(path: Path) -> Path:
    """``path`` itself, that file with ``.toml``, or the study of that name in the package.

    Raises :class:`StudyError` when there is neither.
    """
    if is_file(path):
        return path
    if path.name and not path.suffix and is_file(path.with_suffix(".toml")):
        return path.with_suffix(".toml")
    if not path.name:
        raise StudyError(f"--study {path}: no file's name", "give a TOML file or a shipped study")
    shipped = shipped_studies() / path.with_suffix(".toml").name
    if path.parent.name in ("", "studies") and is_file(shipped):
        return shipped
    names = [file.stem for file in shipped_studies().glob("*.toml")]
    near = get_close_matches(path.stem, [*names, *_stems(path.parent)], n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    raise StudyError(
        f"no study file {path}",
        f"{meant}give a TOML file, or a shipped study: {', '.join(sorted(names))}",
    )


def _stems(folder: Path) -> list[str]:
    """The study files of a folder, by name; none of one that cannot be looked into."""
    try:
        return [file.stem for file in folder.glob("*.toml")]
    except (OSError, ValueError):
        return []


def study_summary(path: Path) -> str:
    """The first sentence of the comment that a study file begins with; "" where it has none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = takewhile(lambda line: line.startswith("#"), lines)
    text = " ".join(line.lstrip("#").strip() for line in comment)
    sentence = re.match(r".+?\.(?=\s|$)", text)
    return sentence[0] if sentence else text


def load_study(
    path: Path | str,
    overrides: Sequence[str] = (),
    corpus: str | None = None,
    corpus_root: Path | None = None,
) -> Study:
    """Read and validate the study at ``path``.

    Parameters
    ----------
    overrides
        ``field=value`` texts, as of ``--set``, with the value written as in TOML (a bare word is
        a string). A budget in epochs clears one in steps and the other way round.
    corpus, corpus_root
        Replace the study's corpus; a new name drops the old corpus' root, labels and options.

    Raises
    ------
    StudyError
        Naming the file and the field, the value found and what is allowed.
    """
    file = find_study(Path(path))
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no TOML or UTF-8, no number, nested too deep
        raise StudyError(f"{file} is not valid TOML: {error}") from error
    except OSError as error:
        raise StudyError(f"cannot read {file}: {error.strerror}") from error
    tables.setdefault("name", file.stem)
    tables.pop("as_run", None)  # settings as run are a study with a note of what was run
    if isinstance(tables.get("corpus"), dict):
        _resolve_root(tables["corpus"], file.parent)
    study = parse_study(tables, origin=str(file))
    if corpus is not None and corpus != study.corpus.name:
        _require_text("--corpus", corpus)
        tables["corpus"] = {"name": corpus}
    for override in overrides:
        _apply(tables, override)
    if corpus_root is not None:
        _table(tables, "corpus")["root"] = str(corpus_root.absolute())
    return parse_study(tables, origin="command line")


def override_study(study: Study, overrides: Sequence[str]) -> Study:
    """``study`` with some ``field=value``, validated; raises as :func:`load_study`."""
    tables = study_tables(study)
    for override in overrides:
        _apply(tables, override)
    return parse_study(tables, origin="--set")


def at_window(study: Study, window_ms: float) -> Study:
    """``study`` with another analysis window (ms), validated; raises as :func:`load_study`."""
    tables = study_tables(study)
    _table(tables, "features")["window_ms"] = window_ms
    return parse_study(tables, origin=f"analysis window of {window_ms:g} ms")


def parse_study(tables: dict[str, Any], origin: str) -> Study:
    """Validate ``tables``; ``origin`` is named in the :class:`StudyError` when one is wrong."""
    try:
        return Study.model_validate(tables)
    except ValidationError as error:
        raise _explain(error, origin) from error


def study_tables(study: Study, defaults: bool = False) -> dict[str, Any]:
    """The study's tables as a TOML file would give them, default-valued fields only if asked."""
    tables = study.model_dump(mode="json") if defaults else study.given()
    return _without_none({"name": study.name} | tables)


def _without_none(tables: dict[str, Any]) -> dict[str, Any]:
    """TOML knows no null: a field that is None is one not given."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in tables.items()
        if value is not None
    }


def _resolve_root(corpus: dict[str, Any], folder: Path) -> None:
    """Paths in a study are relative to its file."""
    if isinstance(corpus.get("root"), str):
        corpus["root"] = str((folder / at_home(Path(corpus["root"]))).absolute())


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    table = tables.setdefault(name, {})
    if not isinstance(table, dict):
        raise StudyError(f"{name} = {_shown(table)} is a value where a table [{name}] is expected")
    return table


def _apply(tables: dict[str, Any], override: str) -> None:
    """Carry out one ``field=value`` of the command line on the raw tables."""
    path, equals, text = override.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise StudyError(f"--set {override!r} is not field=value", "as in training.epochs=5")
    _require_text("--set", override)
    table = tables
    for key in keys[:-1]:
        table = _table(table, key)
    table[keys[-1]] = _toml_value(text.strip())
    for one, other in _EXCLUSIVE:
        if keys[-1] in (one, other):
            table.pop(other if keys[-1] == one else one, None)
    if keys == ["corpus", "root"]:
        _resolve_root(table, Path.cwd())


_LONGEST = 200  # characters of a value in a message
_EXCLUSIVE = (("epochs", "steps"), ("address", "system"))  # fields of which one clears the other


def _require_text(option: str, given: str) -> None:
    """Raise StudyError for bytes of the command line that no study file could hold."""
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise StudyError(f"{option} {given!r} is not UTF-8") from error


def _toml_value(text: str) -> Any:
    """``text`` as a TOML value, or as the string it is where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML, a number too long, nested too deep
        return text


def _explain(error: ValidationError, origin: str) -> StudyError:
    """The first fault of a study in one line, the nearest field name where one is unknown."""
    fault = error.errors(include_url=False)[0]
    location = [part for part in fault["loc"] if part not in ("str", "dict[str,str]")]
    field = ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        known = _fields_beside(location)
        return StudyError(f"{origin}: unknown field {field}", suggestion(str(location[-1]), known))
    message = fault["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    value = f"{field} = {_shown(fault['input'])}"
    if fault["type"] in ("model_type", "dict_type"):
        return StudyError(f"{origin}: {value}: a table [{field}] is expected")
    if fault["type"] == "value_error":
        return StudyError(f"{origin}: [{field}] {message}" if field else f"{origin}: {message}")
    return StudyError(f"{origin}: {value}: {message}")


def _shown(value: Any) -> str:
    """A value as Python writes it, cut where a message would become a page."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than some thousand digits
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _fields_beside(location: Sequence[Any]) -> list[str]:
    """The fields of the table in which ``location``'s last part stands."""
    spec: Any = Study
    for part in location[:-1]:
        spec = spec.model_fields[part].annotation
    return list(spec.model_fields)
