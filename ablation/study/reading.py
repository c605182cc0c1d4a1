"""Read a study from a TOML file and the command line, and validate it."""

import re
import tomllib
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from ablation.errors import nearest
from ablation.errors.common import InvalidOption
from ablation.errors.studies import (
    StudyNotFound,
    UnreadableStudy,
)
from ablation.files import is_file
from ablation.study.specs import Study
from ablation.study.tables import (
    COMMAND_LINE,
    PATHS,
    require_utf8,
    resolve_path,
    set_field,
    table_of,
    validated,
    without_none,
)

Override = tuple[str, Any]
"""A field as ``--set`` names it (``training.epochs``), and the value that it gets."""


def shipped_studies() -> Path:
    """Return the folder of the studies that ship with the package (``studies/`` in a checkout)."""
    here = Path(__file__).parents[1]
    packaged = here / "studies"
    return packaged if packaged.is_dir() else here.parent / "studies"


def find_study(path: Path) -> Path:
    """Return ``path``, that file with ``.toml``, or the shipped study of that name.

    Raises
    ------
    StudyError
        When there is none of the three.
    """
    if is_file(path):
        return path
    if path.name and not path.suffix and is_file(path.with_suffix(".toml")):
        return path.with_suffix(".toml")
    if not path.name:
        raise InvalidOption("--study", str(path), "a TOML file or the name of a shipped study")
    shipped = shipped_studies() / path.with_suffix(".toml").name
    if path.parent.name in ("", "studies") and is_file(shipped):
        return shipped
    names = sorted(file.stem for file in shipped_studies().glob("*.toml"))
    raise StudyNotFound(path, nearest(path.stem, [*names, *_stems(path.parent)]), names)


def _stems(folder: Path) -> list[str]:
    """Return the names of a folder's study files, or none where it cannot be read."""
    try:
        return [file.stem for file in folder.glob("*.toml")]
    except (OSError, ValueError):
        return []


def study_summary(path: Path) -> str:
    """Return the first sentence of a study file's opening comment, or an empty text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = takewhile(lambda line: line.startswith("#"), lines)
    text = " ".join(line.lstrip("#").strip() for line in comment)
    sentence = re.match(r".+?\.(?=\s|$)", text)
    return sentence[0] if sentence else text


def load_study(
    path: Path | str,
    overrides: Sequence[Override] = (),
    corpus: str | None = None,
    corpus_root: Path | None = None,
) -> Study:
    """Read and validate the study at ``path``.

    Parameters
    ----------
    overrides
        Fields and their new values, as ``[("training.epochs", 5)]``. A budget in epochs clears
        one in steps and the other way round.
    corpus, corpus_root
        The corpus to use instead; a new name drops the old corpus' root, labels and options.

    Raises
    ------
    StudyError
        Naming the file and the field, the value found and what is allowed.
    """
    file = find_study(Path(path))
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # no TOML or UTF-8, no number, nested too deep
        raise UnreadableStudy(file, f"not valid TOML: {error}") from error
    except OSError as error:
        raise UnreadableStudy(file, str(error.strerror)) from error
    tables.setdefault("name", file.stem)
    # Settings as run are a study with a note of what was run; their folder may be renamed.
    if tables.pop("as_run", None) is not None and file.parent.name == "studies":
        tables["name"] = file.absolute().parents[1].name
    for field in PATHS:
        resolve_path(tables, field, file.parent)
    study = parse_study(tables, origin=str(file))
    if corpus is not None and corpus != study.corpus.name:
        require_utf8("--corpus", corpus)
        tables["corpus"] = {"name": corpus}
    for field, value in overrides:
        set_field(tables, field, value)
    if corpus_root is not None:
        table_of(tables, "corpus")["root"] = str(corpus_root.absolute())
    return parse_study(tables, COMMAND_LINE)


def override_study(study: Study, overrides: Sequence[Override]) -> Study:
    """Return ``study`` with other values of some fields; raises as :func:`load_study`."""
    tables = study_tables(study)
    for field, value in overrides:
        set_field(tables, field, value)
    return parse_study(tables, COMMAND_LINE)


def at_window(study: Study, window_ms: float) -> Study:
    """Return ``study`` with another analysis window (ms); raises as :func:`load_study`."""
    tables = study_tables(study)
    table_of(tables, "features")["window_ms"] = window_ms
    return parse_study(tables, origin=f"analysis window of {window_ms:g} ms")


def parse_study(tables: dict[str, Any], origin: str) -> Study:
    """Validate ``tables``; a :class:`StudyError` names ``origin`` when something is wrong."""
    return validated(Study, tables, origin)


def study_tables(study: Study, defaults: bool = False) -> dict[str, Any]:
    """Return the study's tables as a TOML file has them, with all fields if ``defaults``."""
    tables = study.model_dump(mode="json") if defaults else study.given()
    return without_none({"name": study.name} | tables)


def parse_override(text: str) -> Override:
    """Return the field and the value of a ``--set`` text.

    The value is written as in TOML, as in ``training.epochs=5``; a bare word is a string.

    Raises
    ------
    InvalidOption, NotUtf8
        When the text is not ``FIELD=VALUE``, or no study file could hold it.
    """
    field, equals, value = text.partition("=")
    keys = [key.strip() for key in field.split(".")]
    if not equals or not all(keys):
        raise InvalidOption("--set", text, "FIELD=VALUE", "training.epochs=5")
    require_utf8("--set", text)
    return ".".join(keys), toml_value(value.strip())


def toml_value(text: str) -> Any:
    """Return ``text`` read as a TOML value, or ``text`` itself where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML, a number too long, nested too deep
        return text
