"""Completions of option values. Nothing heavy is imported, since a shell waits for them."""

from collections.abc import Callable, Iterable
from pathlib import Path

RULES = ("best", "one-se", "plateau")


def among(*words: str) -> Callable[[str], list[str]]:
    """Return the completion of a value that is one of ``words``."""
    return lambda incomplete: _beginning(incomplete, words)


def studies(incomplete: str) -> list[str]:
    """Return shipped studies and the TOML files of this folder; the shell completes other paths."""
    if "/" in incomplete:
        return []
    from ablation.study.reading import shipped_studies

    here = sorted(file.name for file in Path().glob("*.toml"))
    return _beginning(
        incomplete, [*here, *sorted(f.stem for f in shipped_studies().glob("*.toml"))]
    )


def corpora(incomplete: str) -> list[str]:
    """Return the names of the corpora."""
    from ablation.corpora import KINDS

    return _beginning(incomplete, KINDS)


def poolings(incomplete: str) -> list[str]:
    """Return poolings to append to a comma-separated list."""
    from ablation.study.models import NETWORK_NAMES

    return _appended(incomplete, ["all", *NETWORK_NAMES])


def baselines(incomplete: str) -> list[str]:
    """Return baselines to append to a comma-separated list."""
    from ablation.study.baselines import TITLES

    return _appended(incomplete, ["all", "none", *TITLES])


def _appended(incomplete: str, words: Iterable[str]) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{word}" for word in _beginning(last, words)]


def metrics(incomplete: str) -> list[str]:
    """Return the scores of every study; a class is one too, but only results name classes."""
    from ablation.study.grid import SCORES

    return _beginning(incomplete, SCORES)


def fields(incomplete: str) -> list[tuple[str, str]]:
    """Return completions of ``--set``: tables first, then the fields of a table, then their values.

    A table is never offered alone, since the shell would append a blank.
    """
    from ablation.study.schema import known_values, study_fields

    if "=" in incomplete:
        name = incomplete.partition("=")[0]
        words = [f"{name}={word}" for word in known_values(name)]
        return [(word, "") for word in words if word.startswith(incomplete)]
    every = dict(study_fields())
    depth = incomplete.count(".")
    while True:
        level = [
            name
            for name in every
            if name.startswith(incomplete) and name.rstrip(".").count(".") == depth
        ]
        if len(level) != 1:
            return [(name if name.endswith(".") else f"{name}=", every[name]) for name in level]
        if level[0].endswith("."):
            incomplete, depth = level[0], depth + 1
            continue
        words = known_values(level[0]) or [""]
        return [(f"{level[0]}={word}", every[level[0]]) for word in words]


def axes(incomplete: str) -> list[str]:
    """Return the axes of a grid; fields once something is typed, as there are many."""
    from ablation.study.field_axes import axis_fields

    fields_too = axis_fields() if incomplete else ()
    return _beginning(incomplete, ["height", "width", "both", "product", *fields_too])


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
