"""Any field of the study as an axis: what is trained, what is stored, what is said of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import assert_same, invoke, lasting, train
from storing import Drawn, store_study
from test_report import words_of

from ablation import read_results
from ablation.analysis import Counts
from ablation.analysis.field_axes import AxesReading, PointScores, read_axes
from ablation.analysis.study_results import StudyResults
from ablation.corpora.folds import trained_on
from ablation.errors.common import InvalidOption, OptionsExclude
from ablation.errors.folds import ClassNotDrawn, TooFewToTrainOn
from ablation.errors.studies import InvalidField, NoValues, SameSettings, UnknownAxis
from ablation.results import run_record
from ablation.results.axes_record import AxesRequest, StoredPoint
from ablation.study import Shape, Study
from ablation.study.field_axes import axis_points, axis_values, value_text

WINDOWS = ("--axis", "features.window_ms", "--values", "8,16")
BUDGETS = ("--axis", "training.epochs", "--axis", "training.steps")
HEIGHTS = ("--axis", "height", "--values", "2,3")


def reading_of(folder: Path, name: str = "tiny", metric: str = "wa") -> list[AxesReading]:
    run = run_record.find_run(folder / "results", name)
    return read_axes(StudyResults(folder / "results", run), metric)


def test_a_product_of_two_axes_takes_the_plain_rows_from_the_store_and_has_a_report(
    tiny_study: Path, tmp_path: Path
) -> None:
    train("grid", *HEIGHTS, "--study", tiny_study, cwd=tmp_path)
    plain = lasting(tmp_path / "results" / "tiny")["probes"]
    done = train("grid", *WINDOWS, *HEIGHTS, "--study", tiny_study, cwd=tmp_path)
    assert "16 cells: features.window_ms 8, 16; height 2, 3, 8 stored, 8 to train" in done.stderr
    every = lasting(tmp_path / "results" / "tiny")["probes"]
    own = every[every["window_ms"] == 16].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, plain, check_exact=True)

    # Each point's printed score is that of the utterances stored, counted anew.
    (reading,) = reading_of(tmp_path)
    predictions = read_results(tmp_path / "results" / "tiny").predictions
    right = predictions["label"] == predictions["predicted"]
    for (window, height), wa in zip(reading.points, reading.table["wa"], strict=True):
        mine = (predictions["window_ms"] == window) & (predictions["name"] == f"{height}x2")
        assert wa == pytest.approx(right[mine].mean(), abs=1e-12)
        assert f"{value_text(window):>18}  {height:>6}  {100 * wa:>6.1f}" in done.stdout
    assert reading.family is not None and len(reading.family.comparisons) == 6

    drawn = invoke("plot", "--study", tiny_study, cwd=tmp_path).stdout.split()
    assert "figures/tiny/map_features.window_ms-height.png" in drawn
    assert "figures/tiny/axes_features.window_ms-height.png" in drawn
    invoke("report", "--study", tiny_study, cwd=tmp_path)
    page = words_of(tmp_path / "results" / "tiny" / "report.html")
    assert "Accuracy over features.window_ms and height" in page
    assert "4 points, all pairs, tested jointly: of 6 comparisons" in page
    # The command on the page asks for the same cells again.
    (line,) = [one for one in page.split("ablate ") if one.startswith("grid --axis features")]
    again = train(*line.split()[: line.split().index("--seeds") + 4], cwd=tmp_path)
    assert "16 stored, 0 to train" in again.stderr


def test_a_field_that_changes_the_digest_is_one_study_to_every_command(
    tiny_study: Path, tmp_path: Path
) -> None:
    # Without the study's own value, which therefore has no row at all.
    axis = ("--axis", "probe.filters", "--values", "8,2")
    train("grid", *axis, "--study", tiny_study, cwd=tmp_path)
    run = run_record.find_run(tmp_path / "results", "tiny")
    assert run.study.probe.filters == 4 and not run.variant_of
    status = invoke("status", "--study", tiny_study, cwd=tmp_path).stdout
    assert "probes: 8 of 8 cells done, 0 failed, 0 left" in status
    assert "over probe.filters: 2 points" in status and "other settings" not in status
    (reading,) = reading_of(tmp_path)
    assert reading.levels == ((2, 8),)  # numbers by size, however they were given
    assert reading.table["cells"].tolist() == [4, 4] and reading.table["complete"].all()
    invoke("report", "--study", tiny_study, cwd=tmp_path)
    page = words_of(tmp_path / "results" / "tiny" / "report.html")
    assert "probe.filters: WA is highest at" in page
    # More values join the axis; those there are stay.
    more = ("--axis", "probe.filters", "--values", "4,8")
    assert (
        "4 stored, 4 to train" in train("grid", *more, "--study", tiny_study, cwd=tmp_path).stderr
    )
    (reading,) = reading_of(tmp_path)
    assert reading.levels == ((2, 4, 8),) and reading.own == (4,)


def test_shards_of_an_axis_are_the_whole_and_nothing_is_trained_twice(
    tiny_study: Path, tmp_path: Path
) -> None:
    axis = ("--axis", "features.scale", "--values", "log,magnitude,power", "--study", tiny_study)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    train("grid", *axis, cwd=whole)
    counts = []
    for shard in ("0/2", "1/2"):
        done = train("grid", *axis, "--shard", shard, cwd=parts)
        counts.append(int(done.stderr.rpartition(" cells: ")[0].split()[-1]))
        assert "0 stored" in done.stderr
    assert sum(counts) == 12 and abs(counts[0] - counts[1]) <= 1
    assert_same(whole / "results" / "tiny", parts / "results" / "tiny")
    (reading,) = reading_of(parts)
    assert reading.levels == (("log", "magnitude", "power"),)  # categories as they were given
    assert not reading.ordered("features.scale")
    assert set(reading.along["features.scale"].choices) == {"best"}


def test_a_dry_run_names_the_axes_and_trains_nothing(
    tiny_study: Path, tmp_path: Path, unmeasured: None
) -> None:
    axis = ("--axis", "probe.dilation", "--values", "1x1,2x1", "--study", tiny_study)
    done = invoke("grid", *axis, "--dry-run", "--json", cwd=tmp_path)
    plan = json.loads(done.stdout)
    assert plan["axes"] == {"probe.dilation": [[1, 1], [2, 1]]}
    assert (plan["cells"], plan["to_train"]) == (8, 8)
    assert not (tmp_path / "results").exists()


def test_fewer_speakers_are_trained_on_and_the_held_out_are_all_scored(
    tiny_study: Path, tmp_path: Path
) -> None:
    axis = ("--axis", "training.speakers", "--values", "1,3", "--study", tiny_study)
    train("grid", *axis, "--seeds", "0,1", cwd=tmp_path)
    rows = read_results(tmp_path / "results" / "tiny").probes
    assert (rows.groupby("digest")["n_test"].sum() == 2 * 24).all()
    # All three that a fold has to train on are the plain study: its loss is bit for bit the same.
    train("grid", "--shapes", "2x2", "--seeds", "0,1", "--study", tiny_study, cwd=tmp_path)
    rows = read_results(tmp_path / "results" / "tiny").probes
    rows = rows.sort_values(["seed", "fold"])
    losses = {digest: tuple(mine["train_loss"]) for digest, mine in rows.groupby("digest")}
    assert len(losses) == 3 and len({*losses.values()}) == 2


@given(
    st.sets(st.text("abcdef", min_size=1, max_size=3), min_size=2, max_size=12),
    st.integers(0, 5),
    st.data(),
)
def test_speakers_drawn_are_nested_and_the_same_whatever_is_held_out(
    speakers: set[str], seed: int, data: st.DataObject
) -> None:
    fewer = data.draw(st.integers(1, len(speakers)))
    more = data.draw(st.integers(fewer, len(speakers)))
    small, large = (trained_on(speakers, number, seed) for number in (fewer, more))
    assert small <= large <= speakers and (len(small), len(large)) == (fewer, more)
    left_out = data.draw(st.sampled_from(sorted(speakers)))
    rest = trained_on(speakers - {left_out}, fewer, seed)
    assert small - {left_out} <= rest  # a held-out speaker is replaced, nobody else
    assert trained_on(speakers, None, seed) == speakers


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--axis", "probe.filter", "--values", "2"), UnknownAxis),
        (("--axis", "network.filters", "--values", "2"), UnknownAxis),
        (("--axis", "corpus.name", "--values", "emodb"), UnknownAxis),
        (("--axis", "probe.filters"), NoValues),
        (("--axis", "probe.filters", "--values", "many"), InvalidField),
        (("--axis", "probe.filters", "--values", "0"), InvalidField),
        (("--axis", "probe.dilation", "--values", "2"), InvalidField),
        (("--axis", "features.window_ms", "--values", "16,1000"), InvalidField),
        (("--axis", "probe.filters", "--values", "2", "--values", "3"), InvalidOption),
        (("--axis", "probe.filters", "--values", "2", *HEIGHTS, *HEIGHTS), InvalidOption),
        (("--axis", "probe.filters", "--values", "2", "--axis", "both"), InvalidOption),
        (
            ("--axis", "probe.filters", "--values", "2", "--axis", "height", "--values", "x"),
            InvalidOption,
        ),
        (("--axis", "probe.filters", "--values", "2", "--windows", "8"), OptionsExclude),
        (("--axis", "probe.filters", "--values", "2", "--shapes", "2x2"), OptionsExclude),
        (("--axis", "training.speakers", "--values", "2,4"), TooFewToTrainOn),
        (("--axis", "features.noise", "--values", "pink,white"), SameSettings),
        ((*BUDGETS, "--values", "1,2", "--values", "3"), SameSettings),
    ],
)
def test_an_axis_that_cannot_be_is_one_line_and_nothing_is_written(
    tiny_study: Path, tmp_path: Path, options: tuple[str, ...], error: type[Exception]
) -> None:
    done = invoke("grid", *options, "--study", tiny_study, cwd=tmp_path, check=1)
    assert isinstance(done.error, error)
    assert not (tmp_path / "results").exists()


def test_speakers_drawn_without_a_class_are_named(tmp_path: Path, tiny_study: Path) -> None:
    # Speaker a alone says "bright"; leaving out b, seed 0 or another draws somebody else first.
    from ablation.training.task import FoldData, Sample

    entry: Any = None
    train_side = tuple(
        Sample(f"{s}{label}", s, label, entry)
        for s in "acd"
        for label in ((0, 1) if s == "a" else (0,))
    )
    fold = FoldData("b", ("b",), train_side, ())
    seeds = [s for s in range(9) if trained_on("acd", 1, s) != {"a"}]
    with pytest.raises(ClassNotDrawn) as caught:
        fold.trained_on(1, seeds[0], ["dark", "bright"])
    assert caught.value.lacking == ["bright"] and caught.value.fold == "b"
    assert fold.trained_on(3, seeds[0], ["dark", "bright"]).train == train_side


def test_height_and_width_alone_remain_the_grid_they_were(tiny_study: Path, tmp_path: Path) -> None:
    both = ("--axis", "height", "--values", "2,3", "--axis", "width", "--values", "4")
    done = train("grid", *both, "--study", tiny_study, cwd=tmp_path)
    assert "8 cells: 2 shapes, 0 stored" in done.stderr
    (request,) = run_record.find_run(tmp_path / "results", "tiny").requests
    assert request.axis == "product" and request.shapes == (Shape(2, 4), Shape(3, 4))


def reading_with(
    accuracy: Callable[..., float], levels: tuple[tuple[Any, ...], ...], speakers: int = 12
) -> AxesReading:
    """Points whose speakers have that accuracy, give or take one of forty utterances."""
    rng, points = np.random.default_rng(0), {}
    request = AxesRequest(
        ("features.hop_ms", "probe.filters")[: len(levels)], {}, (0,), datetime.now(UTC)
    )
    for values in (
        [(a,) for a in levels[0]]
        if len(levels) == 1
        else [(a, b) for a in levels[0] for b in levels[1]]
    ):
        right = np.round(40 * accuracy(*values) + rng.uniform(-1, 1, (speakers, 2)))
        names = tuple(f"s{k:02}" for k in range(speakers))
        counts = Counts(names, ("a", "b"), np.full((speakers, 2), 40.0), right)
        points[values] = PointScores(
            StoredPoint("0" * 12, Shape(2, 2), 40.0), "", counts, {0: counts}, 1, 1, 0, True
        )
    own = tuple(level[0] for level in levels)
    return AxesReading(request.axes, levels, points, own, ("a", "b"), "wa")


def test_a_step_is_found_where_it_was_planted_and_nowhere_else() -> None:
    levels = ((5.0, 10.0, 20.0, 40.0), (2, 4, 8))
    reading = reading_with(lambda hop, _: 0.7 if hop <= 10 else 0.5, levels)
    hop, filters = reading.along["features.hop_ms"], reading.along["probe.filters"]
    assert hop.pairs is not None and filters.pairs is not None
    apart = {(c.first, c.second) for c in hop.pairs.comparisons if c.significant}
    assert apart == {("5", "20"), ("5", "40"), ("10", "20"), ("10", "40")}
    assert not any(c.significant for c in filters.pairs.comparisons)
    assert str(hop.plateau) == "5" and str(filters.plateau) == "2"
    # An axis' own score is the mean over the values of the other.
    mean = reading.table.groupby("features.hop_ms")["wa"].mean()
    assert [hop.score(k).estimate for k in hop.shapes] == pytest.approx(mean.tolist(), abs=1e-12)


def test_a_point_with_a_missing_cell_is_shown_and_not_tested() -> None:
    reading = reading_with(lambda hop: 0.5, ((5.0, 10.0, 20.0),))
    lacking = reading.points[(10.0,)]
    points = {
        **reading.points,
        (10.0,): PointScores(lacking.at, "", lacking.counts, {}, 1, 2, 1, False),
    }
    reading = AxesReading(**{**vars_of(reading), "points": points})
    assert reading.family is not None
    assert {c.first for c in reading.family.comparisons} == {"5"}
    assert [str(k) for k in reading.along["features.hop_ms"].shapes] == ["5", "20"]
    assert reading.table["complete"].tolist() == [True, False, True]


def vars_of(reading: AxesReading) -> dict[str, Any]:
    return {name: getattr(reading, name) for name in type(reading).__dataclass_fields__}


@given(
    st.lists(st.sampled_from([5, 10.0, 2.5, 20]), min_size=1, max_size=3),
    st.lists(st.sampled_from([(1, 1), (2, 1), (1, 3)]), min_size=1, max_size=3),
)
def test_values_survive_being_stored(hops: list[float], dilations: list[tuple[int, int]]) -> None:
    study = Study()
    axes = axis_values(study, {"features.hop_ms": hops, "probe.dilation": dilations})
    points = axis_points(study, axes)
    assert len(points) == len({*hops}) * len({*dilations})
    stored = {
        p.values: StoredPoint(p.study.digest("x"), p.shape, p.study.features.window_ms)
        for p in points
    }
    names = tuple(one.axis.name for one in axes)
    request = AxesRequest(names, stored, (0,), datetime.now(UTC))
    assert AxesRequest.from_toml(request.as_toml()) == request
    for point in points:
        hop, dilation = point.values
        assert (point.study.features.hop_ms, point.study.probe.dilation) == (hop, dilation)


def test_settings_stored_without_axes_are_read_as_before(tmp_path: Path) -> None:
    run = store_study(tmp_path, Drawn(lambda *_: 0.6, heights=(2, 4), axis="height"))
    assert reading_of(tmp_path, run.study.name) == []
    with pytest.raises(Exception, match="axes"):
        AxesRequest.from_toml({"axes": [], "points": [], "seeds": [0], "at": datetime.now(UTC)})


def test_an_axis_begun_by_one_run_is_counted_and_finished_by_another(
    tiny_study: Path, tmp_path: Path
) -> None:
    axis = ("--axis", "training.steps", "--values", "3,4,5", "--study", tiny_study)
    train("grid", *axis, "--shard", "0/3", cwd=tmp_path)
    status = invoke("status", "--study", tiny_study, cwd=tmp_path).stdout
    assert "probes: 4 of 12 cells done" in status
    assert "4 stored, 8 to train" in train("grid", *axis, cwd=tmp_path).stderr
