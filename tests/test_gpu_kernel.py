"""A card's work without a card: kernels in Triton's interpreter and ahead-of-time compilation, and
the whole way of a cell on a stand-in that keeps its data as a card would.

What only a card can show, speed and its own arithmetic, is for ``benchmarks/gpu.py``.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from probe_truth import KINDS, Example, check_gradients, truth_of, turned
from torch.nn.functional import conv2d, unfold

from ablation.models.probe import ReferenceProbe
from ablation.models.probe.cuda.plans import card_plan
from ablation.models.probe.reference import same_padding

pytest.importorskip("triton", reason="Triton is made for Linux alone")
pytest.importorskip("interpreting")

PAPER = [(height, 2) for height in range(2, 101)]  # and widths, on their side
SQUARES = [(side, side) for side in range(1, 21)]
AHEAD = [(2, 2), (10, 2), (40, 2), (100, 2), (5, 5), (20, 20)]  # of these, kernels are compiled


@st.composite
def passes_over(draw: st.DrawFn) -> tuple[int, int, int, int, int, int]:
    """Height, width, filters, segments, rows and columns."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    filters, n = draw(st.integers(1, 20)), draw(st.integers(1, 3))
    return height, width, filters, n, draw(st.integers(1, 16)), draw(st.integers(1, 24))


@settings(max_examples=8)
@given(passes_over(), st.booleans(), st.integers(0, 2**32 - 1))
@example((1, 1, 16, 3, 16, 24), False, 0)
@example((2, 2, 16, 2, 15, 23), False, 1)
@example((100, 2, 16, 1, 16, 24), False, 2)
@example((2, 80, 5, 2, 7, 24), False, 3)
@example((37, 5, 17, 1, 16, 11), True, 4)
@example((1, 2, 1, 1, 1, 8), True, 2)
def test_sums_of_a_pass(sizes: tuple[int, int, int, int, int, int], bf16: bool, seed: int) -> None:
    """Against float64, written down with the patches themselves."""
    from ablation.models.probe.cuda.passes import FusedPass

    height, width, filters, n, rows, columns = sizes
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> torch.Tensor:
        values = torch.from_numpy(rng.standard_normal(shape).astype("f4"))
        return values.bfloat16().float() if bf16 else values

    segments, weight, delta = (
        normal(n, rows, columns),
        normal(filters, height, width),
        normal(filters),
    )
    sums = FusedPass(bf16=bf16).train(segments, weight, delta)
    left, right, top, bottom = same_padding(height, width)
    padded = torch.nn.functional.pad(segments[:, None].double(), (left, right, top, bottom))
    score = conv2d(padded, weight[:, None].double()) + delta[:, None, None].double()
    mask = (score > 0).double().flatten(2)
    patches = torch.einsum("nfp,ndp->nfd", mask, unfold(padded, (height, width)))
    # A score that rounding may bring across 0 counts or not, and brings a patch along.
    rounding = 2e-7 * (height * width + 8) * (score.abs().max() + 1)
    close = (score.abs() < rounding).sum((2, 3))
    relu = score.clamp(min=0).sum((2, 3))
    assert (sums.active - mask.sum(2)).abs().le(close).all()
    assert (sums.relu - relu).norm() <= 1e-6 * relu.norm() + float(close.sum()) * rounding
    found = sums.patches.weighted(torch.ones(n, filters)).flatten(1)
    slack = float(close.sum()) * float(segments.abs().max()) * (height * width) ** 0.5
    assert (found - patches.sum(0)).norm() <= 1e-6 * patches.sum(0).norm() + slack
    evaluated = FusedPass(bf16=bf16).evaluate(segments, weight, delta)
    # In bfloat16, training takes the sums of scores from those of patches, and scoring adds the
    # thresholds of up to 256 places beyond the last one and takes them off again.
    beyond = 256 * 2**-21 * float(delta.abs().max()) if bf16 else 0.0
    allowed = 1e-6 * relu.norm() + float(close.sum()) * rounding + beyond
    assert (evaluated - relu).norm() <= allowed


@settings(max_examples=5)
@given(passes_over(), st.integers(0, 2**32 - 1))
@example((1, 1, 3, 2, 16, 24), 0)
@example((100, 2, 16, 2, 16, 12), 1)
@example((2, 80, 4, 3, 9, 24), 2)
@example((37, 5, 3, 2, 16, 24), 3)
def test_gradients_of_a_probe(sizes: tuple[int, int, int, int, int, int], seed: int) -> None:
    """To 1e-5 of float64 autograd of the plain module, apart from positions at a threshold."""
    height, width, filters, n, rows, columns = sizes
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape).astype("f4")).double()

    probe = ReferenceProbe(height, width, filters, 3)
    with torch.no_grad():
        for parameter in probe.parameters():
            parameter.copy_(normal(*parameter.shape))
        probe.conv.weight /= (height * width) ** 0.5
    case = Example(probe.double(), normal(n + 1, 1, rows, columns), normal(n + 1, 3), None)
    truth = truth_of(case, KINDS["float32"])
    check_gradients(turned(case.probe, "fused", KINDS["float32"]), case, truth, rate=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("small", [False, True])
def test_where_the_planner_splits_the_taps(precision: str, small: bool) -> None:
    """All that a place reads fits into the kernel that does everything, or two share the work."""
    for height, width in PAPER + SQUARES:
        plan = card_plan(height, width, precision, small=small)
        assert plan is not None
        if plan.whole:
            assert width * (plan.scores.rows + height - 1) <= plan.scores.taps
    assert card_plan(2, 2, precision, small=small).whole  # type: ignore[union-attr]
    assert not card_plan(64, 64, precision, small=small).whole  # type: ignore[union-attr]
    assert card_plan(100, 80, precision, small=small) is None  # PyTorch's operators


def test_autocorrelations() -> None:
    """Those of the kernel are those of Fourier transforms, in any layout and company."""
    from ablation.models.probe.cuda.passes import FusedPass
    from ablation.models.probe.portable import PortablePass

    torch.manual_seed(0)
    for segments in (torch.rand(2, 7, 9), torch.rand(2, 9, 7).mT):
        found = FusedPass.lags_by_kernel(segments, 3, 2)
        assert torch.allclose(found, PortablePass().lags(segments, 3, 2), rtol=1e-12)
        assert torch.equal(found[1:], FusedPass.lags_by_kernel(segments[1:], 3, 2))


def test_filters_beyond_the_planner_are_taken_by_operators() -> None:
    from ablation.models.probe.cuda.passes import FusedPass
    from ablation.models.probe.portable import PortablePass

    torch.manual_seed(0)
    segments, weight, delta = torch.rand(2, 8, 9), torch.randn(2, 60, 70), torch.randn(2)
    one, other = (p.train(segments, weight, delta) for p in (FusedPass(), PortablePass()))
    assert torch.equal(one.relu, other.relu)
    assert torch.equal(one.active, other.active)
    fused, operators = FusedPass(), PortablePass()
    assert torch.equal(
        fused.evaluate(segments, weight, delta), operators.evaluate(segments, weight, delta)
    )


@pytest.mark.parametrize(
    ("architecture", "precision", "most_shared"),
    [
        (80, "float32", 163 << 10),
        pytest.param(89, "bf16", 99 << 10, marks=pytest.mark.long),
        pytest.param(90, "bf16", 227 << 10, marks=pytest.mark.long),
    ],
)
def test_kernels_compile_for_cards(
    architecture: int, precision: str, most_shared: int, tmp_path: Path
) -> None:
    """Configurations that the planner chooses along the paper's axes and for squares.

    In a process of its own, since in this one the kernels are interpreted. A few registers may be
    spilled outside of the loop over places.
    """
    code = (
        "import sys, kernel_compiling; from ablation.models.probe.cuda.plans import card_plan;"
        "architecture, precision, shapes = map(eval, sys.argv[1:]);"
        "plans = [card_plan(*s, precision, small=architecture == 89) for s in shapes];"
        "kernel_compiling.main(architecture, plans, precision);"
        "kernel_compiling.steps(architecture) if architecture == 90 else None"
    )
    environment = os.environ | {
        "TRITON_INTERPRET": "0",
        "TRITON_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    given = [str(architecture), repr(precision), repr(AHEAD)]
    done = subprocess.run(
        [sys.executable, "-c", code, *given],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) >= 4
    for name, registers, stack, local, shared, *products in lines:
        assert int(local) == 0 and int(stack) <= 512, name
        assert 0 < int(registers) <= 255, name
        assert int(shared) <= most_shared, name
        pass_over = name.startswith(("all_sums", "scores", "masked_sums"))
        assert not pass_over or set(products) & {"wgmma", "mma"}, name
