"""What the documentation tells a reader to type, and small things under the names it uses."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tomli_w
from layouts import (
    audformat_tree,
    crema_d_tree,
    huggingface_dataset,
    huggingface_rows,
    segmented_tree,
    tess_tree,
)

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWERED = re.compile(
    r"^```\n(ablate [^\n]+)\n```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\(([^)#\s]+)[)#]")
INDENTED = re.compile(r"^    ((?:\$ )?ablate .*)$", re.MULTILINE)
FIRST_WORDS = (
    "ablate",
    "$",
    "pip",
    "python",
    "python3",
    "make",
    "dask",
    "pytest",
    "#!/bin/bash",
    ".",
)
VERBATIM = ("text", "python", "toml")  # languages of fences that nobody types into a shell


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language ("" for none) and text."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(found[1], found[2]) for found in FENCE.finditer(text)]


def typed(page: Path) -> list[str]:
    """The lines of a page that are to be typed, in their order, without comments behind them."""
    text = page.read_text(encoding="utf-8")
    lines: list[tuple[int, str]] = [
        (found.start(), found[1]) for found in INDENTED.finditer(FENCE.sub(_blank, text))
    ]
    for found in FENCE.finditer(text):
        inside = found[2].splitlines()
        if found[1] in VERBATIM or not inside or inside[0].split(" ")[0] not in FIRST_WORDS:
            assert found[1] == "text" or not re.search("^ablate ", found[2], re.MULTILINE)
            continue
        shell = [line for line in inside if not inside[0].startswith("$ ") or line.startswith("$ ")]
        lines += [(found.start(), line) for line in shell if line.strip()]
    return [_without_comment(line) for _, line in sorted(lines, key=lambda pair: pair[0])]


def _blank(fence: re.Match[str]) -> str:
    return re.sub("[^\n]", " ", fence[0])


def _without_comment(line: str) -> str:
    return re.split(r"\s{2,}#", line.removeprefix("$ "))[0].strip()


def answers(page: Path) -> dict[str, str]:
    """Commands, each with the ``text`` block right under it, which shows what it prints."""
    return dict(ANSWERED.findall(page.read_text(encoding="utf-8")))


def links(page: Path) -> list[str]:
    """Paths of a page's links to other files, without their anchors."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if ":" not in link]


def words(command: str) -> list[str]:
    """The words of a command, without where a shell would put its output."""
    return shlex.split(command.partition(" > ")[0])[1:]


# --- Small things: corpora of noise, and studies whose cells are trained in a blink.

# 10 Hz a bin as in the paper, 100 bins and 80 frames: the largest shapes of any page just fit.
SMALL: Mapping[str, Any] = {
    "features": {"sample_rate": 8000, "n_fft": 800, "max_hz": 1000, "segment_s": 0.8},
    "folds": {"scheme": "speaker-groups", "count": 2},
    "probe": {"filters": 1},
    "training": {"steps": 1, "batch_size": 2},
    "network": {"channels": [2, 2], "pools": [1, 2], "filters": 1},
    "network.training": {"steps": 1, "batch_size": 2},
}


def shrunk(study: str, **tables: Mapping[str, Any]) -> str:
    """A study's text with the settings above; ``tables`` replace some of its own fields."""
    made = tomllib.loads(study)
    for path, fields in (*SMALL.items(), *tables.items()):
        table = made
        for name in path.split("."):
            table = table.setdefault(name, {})
        if path == "corpus":
            table.clear()
        if "steps" in fields:
            table.pop("epochs", None)
        table.update(fields)
    return tomli_w.dumps(made)


def noise(file: Path, seconds: float = 0.9) -> None:
    """A recording: noise whose loudness and colour are drawn from its name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(file.name.encode()))
    drawn = rng.standard_normal(round(8000 * seconds))
    soundfile.write(file, 0.05 * np.convolve(drawn, rng.standard_normal(8), "same"), 8000)


def own_recordings(folder: Path) -> None:
    """``mine/``: the README's rows and a few more, so that two speakers have both classes."""
    rows = ["file,speaker,label"]
    for speaker, suffix in {"anna": "wav", "ben": "flac", "cleo": "wav", "dan": "wav"}.items():
        for number, label in enumerate(("angry", "neutral"), 1):
            name = f"{speaker}/{number:03d}.{suffix}"
            noise(folder / name)
            rows.append(f"{name},{speaker},{label}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def named_recordings(folder: Path) -> None:
    """``recordings/``, whose names say all, and ``coded/``, whose names do not."""
    for speaker in ("anna", "ben", "clara", "david"):
        for take in (1, 2):
            for label in ("angry", "neutral"):
                noise(folder / "recordings" / speaker / f"{label}_{take:02d}.wav")
    for speaker in ("01", "02", "03", "04"):
        for letter in "WFNT":
            for take in "ab":
                noise(folder / "coded" / f"{speaker}{letter}{take}.wav")


def corpora_of_others(folder: Path) -> None:
    """CREMA-D and TESS in small, two audformat databases, a saved dataset of two splits."""
    crema_d_tree(folder / "corpora" / "crema_d")
    tess_tree(folder / "corpora" / "tess")
    audformat_tree(folder / "databases" / "moods")
    for file in segmented_tree(folder / "databases" / "turns").glob("*.wav"):
        noise(file)
    splits = {name: huggingface_dataset(huggingface_rows(folder)) for name in ("train", "test")}
    pytest.importorskip("datasets").DatasetDict(splits).save_to_disk(str(folder / "splits"))


def emodb(folder: Path) -> None:
    for speaker in ("03", "08", "16", "09"):
        for emotion in "NFWT":
            noise(folder / "wav" / f"{speaker}a01{emotion}a.wav")


def ravdess(folder: Path) -> None:
    for actor in ("01", "02", "03", "04", "05", "06"):
        for emotion in ("01", "03", "04", "05"):
            noise(folder / f"Actor_{actor}" / f"03-01-{emotion}-01-02-01-{actor}.wav")
