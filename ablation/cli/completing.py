"""What a shell offers for the value of an option. Nothing heavy is imported: it waits for us."""

from collections.abc import Iterable
from pathlib import Path

RULES = ("best", "one-se", "plateau")
AXES = ("height", "width")


def studies(incomplete: str) -> list[str]:
    """Shipped studies and the TOML files that lie here; elsewhere the shell knows files itself."""
    if "/" in incomplete:
        return []
    from ablation.study.reading import shipped_studies

    here = sorted(file.name for file in Path().glob("*.toml"))
    return _beginning(
        incomplete, [*here, *sorted(f.stem for f in shipped_studies().glob("*.toml"))]
    )


def corpora(incomplete: str) -> list[str]:
    """The corpora that can be read."""
    from ablation.corpora import KINDS

    return _beginning(incomplete, KINDS)


def poolings(incomplete: str) -> list[str]:
    """Poolings, behind those that stand there already, parted by commas."""
    from ablation.study.models import NETWORK_NAMES

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{word}" for word in _beginning(last, ["all", *NETWORK_NAMES])]


def rules(incomplete: str) -> list[str]:
    """How a shape is chosen."""
    return _beginning(incomplete, RULES)


def metrics(incomplete: str) -> list[str]:
    """Scores; a class is one too, but which there are the results know."""
    from ablation.study.plans import SCORES

    return _beginning(incomplete, SCORES)


def axes(incomplete: str) -> list[str]:
    """The axes that shapes are compared along."""
    return _beginning(incomplete, AXES)


def fields(incomplete: str) -> list[tuple[str, str]]:
    """Fields of ``--set``: tables first, a table's fields once it is clear which, then its words.

    A table is not offered alone, since the shell would put a blank behind it.
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


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
