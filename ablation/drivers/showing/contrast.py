"""A contrast as it stands written in a study's folder: what was chosen, and every test of it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from ablation.analysis import Interval
from ablation.errors import StorageError, first_line
from ablation.errors.reading import UnreadableContrast
from ablation.files import write_text
from ablation.report import Column, Table
from ablation.report.document import Value
from ablation.study.shapes import PATTERN


class Tested(BaseModel, frozen=True, extra="forbid"):
    """One test of a contrast: when, on which settings and how many speakers, and what it found."""

    at: datetime
    digest: str
    speakers: int
    difference: float
    low: float
    high: float
    p: float


class Contrast(BaseModel, frozen=True, extra="forbid"):
    """One comparison, written down before the study that tests it is asked.

    Attributes
    ----------
    chosen, reference
        The shape that the rule chose on the first study, and what it is held against.
    difference
        Of the scores on the first study (0..1), where the shape was chosen: flattering.
    stored_before
        How many cells of the two shapes the second study already had.
    tests
        Every test so far; the same rows are noted once.
    """

    study: str
    digest: str
    tested_on: str
    axis: Literal["height", "width"]
    rule: str
    metric: str
    chosen: Annotated[str, Field(pattern=PATTERN)]
    reference: Annotated[str, Field(pattern=PATTERN)]
    reason: str
    difference: Annotated[float, Field(ge=-1, le=1)]
    written_at: datetime
    stored_before: Annotated[int, Field(ge=0)]
    tests: tuple[Tested, ...] = ()


def write_contrast(file: Path, contrast: Contrast) -> None:
    write_text(file, contrast.model_dump_json(indent=2) + "\n")


def read_contrast(file: Path) -> Contrast | None:
    if not file.exists():
        return None
    try:
        return Contrast.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise UnreadableContrast(file, first_line(error)) from error


def contrasts_table(folder: Path) -> Table | None:
    """The contrasts that stand written in a study's folder, with their latest tests."""
    rows: list[tuple[Value, ...]] = []
    for file in sorted((folder / "contrasts").glob("[!.]*.json")):
        try:
            contrast = read_contrast(file)
        except StorageError:
            continue  # ablate compare says what is wrong with it
        if contrast is None:
            continue
        last = contrast.tests[-1] if contrast.tests else None
        rows.append(
            (
                f"{contrast.chosen} against {contrast.reference}",
                contrast.rule,
                contrast.metric,
                contrast.difference,
                contrast.tested_on,
                last
                and Interval(last.difference, last.low, last.high, float("nan"), last.speakers),
                last and last.p,
                len(contrast.tests),
            )
        )
    if not rows:
        return None
    columns = (
        Column("contrast"),
        Column("rule"),
        Column("score"),
        Column("difference here", "points", "where the shape was chosen, so too large"),
        Column("tested on"),
        Column("difference there", "points", "paired by speaker, 95 %"),
        Column("p", "p", "two-sided; of this test alone"),
        Column("tests", "integer", "on different rows of that study; the last is shown"),
    )
    caption = "Contrasts chosen on this study and tested on another"
    return Table("contrasts", caption, columns, tuple(rows))
