"""Plans of cells: those of a grid or a control, and those over any fields of the study."""

from dataclasses import dataclass, replace

from ablation.errors import counted
from ablation.results import run_record
from ablation.results.axes_record import AxesRequest
from ablation.runs.prepare import Prepared
from ablation.study.baselines import CONTROLS
from ablation.study.field_axes import value_text
from ablation.training.task import Cell


@dataclass(frozen=True)
class GridPlan:
    """The cells of a grid or of a control, and those that are still to be trained."""

    prepared: Prepared
    request: run_record.Request
    cells: tuple[Cell, ...]
    missing: tuple[Cell, ...]
    damaged: tuple[str, ...]
    fresh: bool = False  # stored cells are trained again
    shard: tuple[int, int] = (0, 1)  # this part, of so many parts

    @property
    def is_control(self) -> bool:
        """Whether the cells are those of a control, which takes seconds, instead of probes."""
        return self.request.axis in CONTROLS

    @property
    def parts(self) -> "tuple[GridPlan, ...]":
        """The plan itself."""
        return (self,)

    @property
    def what(self) -> str:
        """What varies, in a few words."""
        if self.is_control:
            return f"{self.request.axis} alone"
        return counted(len(self.request.shapes), "shape")

    def records(self) -> list[run_record.RunRecord]:
        """Return the record of the plan that is stored beside its rows."""
        prepared = self.prepared
        record = run_record.RunRecord(
            study=prepared.study,
            digest=prepared.digest,
            classes=prepared.corpus.classes,
            counts=tuple(prepared.corpus.counts().values()),
            folds=tuple(fold.name for fold in prepared.folds),
            requests=(self.request,),
            fingerprint=prepared.fingerprint,
            code=prepared.code,
        )
        return [record]


@dataclass(frozen=True)
class AxesPlan:
    """The cells over some axes, and those that are still to be trained.

    Attributes
    ----------
    prepared
        The study that is varied.
    request
        Its points, and where their cells are.
    parts
        The plans of all settings that differ in more than shape and window.
    shard
        This part, of so many parts.
    """

    prepared: Prepared
    request: AxesRequest
    parts: tuple[GridPlan, ...]
    shard: tuple[int, int] = (0, 1)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of all points, or of this shard."""
        return tuple(cell for part in self.parts for cell in part.cells)

    @property
    def missing(self) -> tuple[Cell, ...]:
        """The cells that are still to be trained."""
        return tuple(cell for part in self.parts for cell in part.missing)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Files of rows that could not be read."""
        return self.parts[0].damaged

    @property
    def what(self) -> str:
        """What varies, with all values."""
        axes = zip(self.request.axes, self.request.levels(), strict=True)
        return "; ".join(f"{axis} {', '.join(map(value_text, levels))}" for axis, levels in axes)

    def records(self) -> list[run_record.RunRecord]:
        """Return what is stored beside the rows: the varied settings last, which list the points.

        So a run that is killed in between leaves no points without settings.
        """
        base = self.prepared
        nothing = run_record.Request("none", (), (), self.request.seeds, self.request.at)
        own = GridPlan(base, nothing, (), (), ())
        found = []
        for part in self.parts:
            if part.prepared.digest == base.digest:
                own = replace(part, prepared=base)
            else:
                found += [replace(one, variant_of=base.digest) for one in part.records()]
        return [*found, *(replace(one, axes=(self.request,)) for one in own.records())]


Plan = GridPlan | AxesPlan
