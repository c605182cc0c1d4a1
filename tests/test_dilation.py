"""Dilated probes: the single pass equals the plain module; undilated ones are what they were."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from running import train

from ablation import read_results
from ablation.analysis import physical_extent
from ablation.analysis.study_results import StudyResults
from ablation.errors.running import FilterTooLarge
from ablation.models.probe import ReferenceProbe, SinglePassProbe
from ablation.models.probe.portable import PortablePass
from ablation.results import run_record
from ablation.runs.prepare import check_shapes
from ablation.study import AXES, Shape, parse_study


def pair(
    height: int, width: int, dilation: tuple[int, int], bias: bool = False
) -> tuple[ReferenceProbe, SinglePassProbe]:
    """Both engines in float64 with the same weights, which the same seed draws in both."""
    probes = []
    for engine in (ReferenceProbe, SinglePassProbe):
        torch.manual_seed(3)
        probes.append(engine(height, width, 4, 3, bias, dilation).double())
    return probes[0], probes[1]


@effort(max_examples=12)
@given(
    height=st.integers(1, 5),
    width=st.integers(1, 4),
    dilation=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    bias=st.booleans(),
)
def test_both_engines_give_the_same_scores_and_gradients(
    height: int, width: int, dilation: tuple[int, int], bias: bool
) -> None:
    segments = torch.rand(5, 1, 18, 11, generator=torch.Generator().manual_seed(0)).double()
    plain, fast = pair(height, width, dilation, bias)
    for training in (True, False):
        outputs = []
        for probe in (plain, fast):
            probe.train(training)
            probe.zero_grad()
            scores = probe(segments)
            scores.square().sum().backward()
            outputs.append(scores.detach())
        torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-10, atol=1e-10)
        for a, b in zip(plain.parameters(), fast.parameters(), strict=True):
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-10, atol=1e-10)
    for a, b in zip(plain.buffers(), fast.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_the_portable_pass_takes_dilation_too() -> None:
    plain, fast = pair(3, 2, (2, 3))
    fast.passes = PortablePass()
    segments = torch.rand(4, 1, 12, 9).double()
    torch.testing.assert_close(plain(segments), fast(segments), rtol=1e-10, atol=1e-10)


def test_a_dilated_filter_reads_every_nth_value() -> None:
    """By hand: with weights 1 at 2 taps 3 bins apart, a score is the sum of two bins."""
    plain, _ = pair(2, 1, (3, 1))
    plain.conv.weight.data.fill_(1)
    segment = torch.arange(6.0).double().view(1, 1, 6, 1)
    maps = plain.conv(plain.pad(segment))
    # 3 bins of zeros are needed: 1 before, 2 after, as of an undilated filter 4 bins high.
    assert maps[0, 0, :, 0].tolist() == [2, 3, 5, 7, 3, 4]


def test_dilation_of_one_changes_no_digest() -> None:
    plain = parse_study({}, "test").digest("corpus")
    assert parse_study({"probe": {"dilation": [1, 1]}}, "test").digest("corpus") == plain
    assert parse_study({"probe": {"dilation": [2, 1]}}, "test").digest("corpus") != plain


def test_a_filter_must_fit_with_its_gaps() -> None:
    study = parse_study({"probe": {"dilation": [4, 1]}}, "test")  # 400 bins
    check_shapes(study, [Shape(100, 2)])
    with pytest.raises(FilterTooLarge) as caught:
        check_shapes(study, [Shape(101, 2)])
    assert (caught.value.shape, caught.value.extent) == ("101x2", (401, 2))
    assert caught.value.largest[0] == 100


def test_rows_and_curves_tell_the_extent_with_gaps(tmp_path: Path, tiny_study: Path) -> None:
    train(
        "grid", "--axis", "height", "--values", "2,5", "--folds", "2", "--study", tiny_study,
        "--set", "probe.dilation=[3,2]", "--workers", "1", cwd=tmp_path,
    )  # fmt: skip
    rows = read_results(tmp_path / "results" / "tiny").probes
    # A bin is 62.5 Hz and a frame 10 ms; 2 and 5 bins, 3 apart, reach over 4 and 13.
    assert sorted(rows["height_hz"].unique()) == [4 * 62.5, 13 * 62.5]
    assert rows["width_ms"].unique() == [30.0]
    stored = StudyResults(tmp_path / "results", run_record.find_run(tmp_path / "results", "tiny"))
    physical = physical_extent(stored.curve(AXES["height"]))
    assert physical(3) == 7 * 62.5
