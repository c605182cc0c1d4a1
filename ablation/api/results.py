"""Stored results with the questions that a notebook asks of them."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ablation.analysis.comparisons import Family, against_reference, all_pairs
from ablation.analysis.evidence import Evidence, check_metric
from ablation.analysis.field_axes import AxesReading
from ablation.analysis.notebook import comparison_table
from ablation.analysis.points import cells_frame, read_axis
from ablation.analysis.study_results import StudyResults
from ablation.errors.common import UnknownName
from ablation.errors.reading import NoProbes, ReferenceNotComplete
from ablation.results import reading
from ablation.results.run_record import RunRecord
from ablation.study.field_axes import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

By = Literal["cell", "speaker", "utterance", "epoch"]


class Results(reading.Results):
    """The tables of a study, with curves, comparisons and figures made from them.

    An *axis* is ``height``, ``width`` or any field of the study that was varied, such as
    ``features.window_ms``. ``where`` says at which values of the others:
    ``where={"probe.filters": 16, "height": 10}``. What it leaves open is as the study has it; where
    the study's own value was not tried and several were, it must be given.
    """

    def frame(self, by: By = "cell") -> pd.DataFrame:
        """Return the finished probe cells with every field in which they differ, a tidy table.

        Parameters
        ----------
        by
            What a row is: a ``cell`` (shape, window, fold, seed), a test ``speaker`` of a cell, an
            ``utterance``, or an ``epoch`` of training.

        Raises
        ------
        UnknownName
            For another ``by``.
        """
        return cells_frame(self, by)

    def curve(
        self, axis: str, where: Mapping[str, Any] | None = None, metric: str = "wa"
    ) -> pd.DataFrame:
        """Return the scores over an axis with 95 % intervals by speaker, a row for each value.

        The columns are the axis, ``wa``, ``ua`` and ``acc_CLASS`` (0..1) with the ends of their
        intervals (``wa_low``, ``wa_high``), ``cells``, ``expected`` and ``complete``.

        Raises
        ------
        UnknownAxis, UnknownName
            For a name that is no axis, or a metric that is no score.
        SeveralStored
            When a field that ``where`` leaves open has several values.
        NoProbes, NoProbesWith
            When no row is left.
        """
        return self._read(axis, where, metric).table

    def compare(
        self,
        axis: str,
        reference: Any = None,
        where: Mapping[str, Any] | None = None,
        metric: str = "wa",
    ) -> pd.DataFrame:
        """Return the values of an axis compared by speaker, adjusted for the whole family.

        Parameters
        ----------
        reference
            A pre-specified value with which all others are compared; None: all pairs.
        metric
            ``wa``, ``ua`` or a class.

        Returns
        -------
        comparisons
            ``first``, ``second``, ``difference`` (0..1, first minus second, paired by speaker) with
            ``low`` and ``high`` (its own 95 % interval), ``effect`` (d_z), ``p`` (two-sided sign
            flips, unadjusted), ``p_joint`` (family-wise adjusted) and ``significant`` (``p_joint``
            at most 0.05). Values that lack cells are left out.

        Raises
        ------
        ReferenceNotComplete
            For a reference that is not among the complete values.
        UnknownAxis, UnknownName, SeveralStored, NoProbes, NoProbesWith
            As :meth:`curve`.
        """
        found = self._read(axis, where, metric)
        family: Family
        if reference is None:
            family = all_pairs(found.complete, found.metric)
        else:
            name = value_text(tuple(reference) if isinstance(reference, list) else reference)
            if name not in found.complete:
                raise ReferenceNotComplete("reference", name, list(found.complete))
            family = against_reference(found.complete, name, found.metric)
        return comparison_table(family)

    def plot(
        self,
        name: str = "figure2",
        ax: "Axes | None" = None,
        axis: str = "height",
        where: Mapping[str, Any] | None = None,
        metric: str = "wa",
    ) -> "Figure | Axes":
        """Draw a figure of ``ablate plot``, or into ``ax`` the score over an axis.

        Parameters
        ----------
        name
            A figure's name, such as ``figure2`` or ``axis_features.scale``. With ``ax``, only
            ``figure2``.
        ax
            A diagram of the user's own, which gets the line of ``metric`` with its intervals.
        axis, where, metric
            What is drawn into ``ax``, as of :meth:`curve`.

        Returns
        -------
        drawn
            The figure, or ``ax``.

        Raises
        ------
        UnknownName
            For a figure that these rows do not give.
        """
        if ax is not None:
            from ablation.figures.field_axes_catalogue import draw_reading

            if name != "figure2":
                raise UnknownName("plot", name, ["figure2"], "figure for ax")
            draw_reading(ax, self._read(axis, where, metric))
            return ax
        from ablation.analysis.networks import stored_networks
        from ablation.figures.catalogue import drawings
        from ablation.figures.plot import shown_classes

        stored = StudyResults(Path(), self._latest(), self)
        evidence = Evidence(stored, metric=metric)
        every = drawings(evidence, stored_networks(stored), shown_classes(stored.run, None))
        by_name = {drawing.name: drawing for drawing in every}
        if name not in by_name:
            raise UnknownName("plot", name, list(by_name), "figure")
        return by_name[name].draw()

    def _read(self, axis: str, where: Mapping[str, Any] | None, metric: str) -> AxesReading:
        run = self._latest()
        return read_axis(self, run, axis, where or {}, check_metric(metric, run.classes, "metric"))

    def _latest(self) -> RunRecord:
        """Return the settings run last that do not only vary others'."""
        own = [run for run in self.runs.values() if not (run.variant_of or run.study.folds.pairs)]
        if not own or self.probes.empty:
            raise NoProbes()
        return max(own, key=lambda run: run.last_run)

    def _repr_html_(self) -> str:
        """Return how a notebook shows the results: how many rows each table has."""
        sizes = [
            (name, len(value)) for name, value in vars(self).items() if hasattr(value, "columns")
        ]
        return html_table(["table", "rows"], sizes)


def read_results(folder: Path | str) -> Results:
    """Read the results folder of one study, such as ``results/demo``, also during a run.

    Raises
    ------
    StorageError
        When the folder holds no results, or was written by a newer version.
    """
    return Results(**vars(reading.read_results(folder)))


def html_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as a notebook shows it."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
