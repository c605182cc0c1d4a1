"""A contrast as recorded in a study's folder: what was chosen, and every test of it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from ablation.analysis import Interval
from ablation.errors import StorageError, first_line
from ablation.errors.reading import UnreadableContrast
from ablation.files import write_text
from ablation.reports import Column, Table
from ablation.reports.document import Value
from ablation.study.shapes import PATTERN


class Tested(BaseModel, frozen=True, extra="forbid"):
    """A test of a contrast: when, on which settings, with how many speakers, and its result."""

    at: datetime
    digest: str
    speakers: int
    difference: float
    low: float
    high: float
    p: float


class Contrast(BaseModel, frozen=True, extra="forbid"):
    """A comparison that was recorded before the study that tests it was evaluated.

    Attributes
    ----------
    chosen, reference
        The shape that the rule chose on the first study, and the one it is compared with.
    difference
        Of the scores on the first study (0..1), where the shape was chosen: biased upwards.
    stored_before
        How many cells of the two shapes the second study had already stored.
    tests
        Every test so far; a test of the same rows is recorded once.
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
    """Write a contrast as JSON."""
    write_text(file, contrast.model_dump_json(indent=2) + "\n")


def read_contrast(file: Path) -> Contrast | None:
    """Return the contrast of a file, None where there is no file.

    Its first study is that of the folder, which may have been renamed since.

    Raises :class:`UnreadableContrast` for any other file.
    """
    if not file.exists():
        return None
    try:
        contrast = Contrast.model_validate_json(file.read_bytes())
        return contrast.model_copy(update={"study": file.absolute().parents[1].name})
    except (OSError, ValidationError) as error:
        raise UnreadableContrast(file, first_line(error)) from error


def contrasts_table(folder: Path) -> Table | None:
    """Return the contrasts recorded in a study's folder, with their latest tests."""
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
                f"{contrast.chosen} compared with {contrast.reference}",
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
        Column("difference here", "points", "where the shape was chosen, so biased upwards"),
        Column("tested on"),
        Column("difference there", "points", "paired by speaker, 95 % confidence interval"),
        Column("p", "p", "two-sided sign-flip test by speaker, one comparison"),
        Column("tests", "integer", "on different rows of that study; the last one is shown"),
    )
    caption = "Contrasts chosen on this study and tested on another"
    return Table("contrasts", caption, columns, tuple(rows))
