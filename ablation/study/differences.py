"""In what two studies differ."""

import os.path
from collections.abc import Iterator, Mapping
from typing import Any

from ablation.errors import named
from ablation.study.specs import Study

_OF_PROBES = ("corpus", "features", "probe", "folds", "training")


def differing(one: Study, given: Study) -> list[str]:
    """Return the fields that differ between two studies, of those that probes depend on.

    A corpus root that ``given`` leaves open does not count.
    """
    ours, theirs = (
        dict(_fields(study.model_dump(mode="json", include=set(_OF_PROBES))))
        for study in (one, given)
    )
    roots = [fields.pop("corpus.root", None) for fields in (ours, theirs)]
    if roots[1] is not None:  # as given, which may be "results/emodb/studies/../../../corpora"
        ours["corpus.root"], theirs["corpus.root"] = (os.path.normpath(str(r)) for r in roots)
    return [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]


def difference(one: Study, other: Study) -> str:
    """Return in what ``other`` differs from ``one``, as ``training.steps 20, folds.count 2``."""
    values = dict(_fields(other.model_dump(mode="json", include=set(_OF_PROBES))))
    found = [f"{name} {values.get(name)}" for name in differing(one, other)]
    code = f", or with other code of {one.probe.factory}" if one.probe.factory else ""
    return named(found, 4) if found else f"the same fields on other recordings{code}"


_WHOLE = ("corpus.labels", "corpus.options", "probe.options")


def _fields(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every field with its path; labels and options, whose keys are free, as a whole."""
    for name, value in table.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping) and path not in _WHOLE:
            yield from _fields(value, f"{path}.")
        else:
            yield path, value
