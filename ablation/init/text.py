"""The text of a new study: every field with its meaning, further ones commented out."""

import json

from jinja2 import Environment, PackageLoader, StrictUndefined

from ablation.init.study_settings import Settings

_COLUMN, _WIDTH = 33, 100


def study_text(
    title: str,
    name: str,
    corpus: str,
    root: str,
    labels: list[str],
    label_maps: list[str],
    settings: Settings,
) -> str:
    """Return a study as TOML; ``labels`` are the manifest's, ``label_maps`` those of a corpus."""
    loader = PackageLoader("ablation.init", "")
    known = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True)
    known.filters["toml"] = quoted
    text = known.get_template("study.toml.j2").render(
        title="".join(c if c.isprintable() else " " for c in title),
        name=name,
        corpus=corpus,
        root=root,
        labels=labels,
        label_maps=label_maps,
        settings=settings,
    )
    return "\n".join(map(_aligned, text.removesuffix("\n").split("\n"))) + "\n"


def quoted(text: str) -> str:
    """Return ``text`` as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _aligned(line: str) -> str:
    """Return ``line`` with its comment in the comment column, or above it where it is too long."""
    if line.startswith("#  ") or "  #" not in line:
        return line
    field, _, comment = line.rpartition("  #")
    beside = f"{field.rstrip():<{_COLUMN - 2}}  #{comment}"
    return beside if len(beside) <= _WIDTH else f"#{comment}\n{field.rstrip()}"
