"""What autograd makes of a probe in float64, and how far rounding may lead an engine from it."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import torch
from hypothesis import assume
from hypothesis import strategies as st
from torch.nn import functional

from ablation.models.probe import ReferenceProbe, SinglePassProbe
from ablation.models.probe.kernels.passes import CompiledPass
from ablation.models.probe.kernels.transform import sizes
from ablation.models.probe.plans import Plan
from ablation.models.probe.portable import PortablePass
from ablation.models.probe.sums import Pass

SIZE = 64  # the longest transform that is forced upon small segments


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way to hold numbers, and how far a gradient may be from float64's, relative to its norm."""

    dtype: torch.dtype
    precision: str
    rate: float


KINDS = {
    "float64": Kind(torch.float64, "float32", 1e-10),
    "float32": Kind(torch.float32, "float32", 1e-4),
    "bf16": Kind(torch.float32, "bf16", 1e-4),
}


def pass_of(name: str, tile: int | None = None, *, bf16: bool = False) -> Pass:
    if name == "fused":
        from ablation.models.probe.cuda.passes import FusedPass

        return FusedPass(tile, bf16=bf16)
    return CompiledPass(tile, bf16=bf16) if name == "compiled" else PortablePass(tile)


@dataclasses.dataclass(frozen=True)
class Example:
    """A probe and a batch that float32 represents, both in float64.

    The loss is the sum of scores times ``direction``: its gradient for the scores is the same to
    the last bit whatever the scores, so that no difference is lost or made there.
    """

    probe: ReferenceProbe
    segments: torch.Tensor
    direction: torch.Tensor
    plan: Plan | None


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Small shapes of every kind: one tap or position a side, filters larger than the segment."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rows, columns = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    n = draw(st.integers(1, min(64, 1 + 1200 // (rows * columns))))
    assume(n * rows * columns > 1)
    filters, bias = draw(st.integers(1, 20)), draw(st.booleans())
    sideways = draw(st.booleans())
    fitting = [0, *sizes(width if sideways else height, SIZE)]
    plan = draw(st.none() | st.sampled_from(fitting).map(lambda size: Plan(sideways, size)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape).astype("f4")).double()

    segments = normal(n, 1, rows, columns)
    if draw(st.booleans()):  # as spectrograms are: nowhere negative, silent in places
        segments = segments.clamp(min=0)
    probe = ReferenceProbe(height, width, filters, 3, bias)
    norm = probe.norm
    with torch.no_grad():
        for parameter in probe.parameters():
            parameter.copy_(normal(*parameter.shape))
        probe.conv.weight /= (height * width) ** 0.5
        if draw(st.booleans()):
            norm.weight[0] = 0
        norm.running_mean.copy_(normal(filters))
        norm.running_var.copy_(0.5 + normal(filters).abs())
    return Example(probe.double(), segments, normal(n, 3), plan)


def turned(reference: ReferenceProbe, passes: str, kind: Kind) -> SinglePassProbe:
    """The single-pass probe with the reference's parameters and statistics, in its mode."""
    conv = reference.conv
    shape = (*conv.weight.shape[2:], conv.out_channels, reference.linear.out_features)
    probe = SinglePassProbe(*shape, conv.bias is not None, precision=kind.precision)
    probe.load_state_dict(reference.state_dict())
    probe.passes = pass_of(passes, bf16=kind.precision == "bf16")
    return probe.to(kind.dtype).train(reference.training)


@dataclasses.dataclass(frozen=True)
class Truth:
    """What autograd makes of an example in float64, and how far rounding may lead from it.

    A float of type eps adds up d taps to a score with an error of at most (d + 1) eps times the sum
    of the products' sizes, and through transforms of N values with one of some eps log N times the
    norms of what is transformed. Where a true score is closer to 0 than that, its position may
    count or not: what it would add to a gradient is allowed to be missing. All else in a gradient
    is a sum over positions, allowed some eps of the sum of its terms' sizes, since terms cancel.
    """

    scores: torch.Tensor
    gradients: Mapping[str, torch.Tensor]
    pooled_slack: float
    slack: Mapping[str, float]  # of the norm of a gradient


def truth_of(example: Example, kind: Kind) -> Truth:
    probe = example.probe
    if kind.precision == "bf16":
        scores, z, y, segments = _rounded_to_bfloat16(probe, example.segments)
    else:
        kept: dict[str, torch.Tensor] = {}
        for name, module in (("z", probe.conv), ("y", probe.norm)):
            module.register_forward_hook(lambda _m, _i, out, name=name: kept.update({name: out}))
        scores, segments = probe(example.segments), example.segments
        z, y = kept["z"], kept["y"]
        if probe.conv.bias is not None:
            z = z - probe.conv.bias[:, None, None]
    (scores * example.direction).sum().backward()
    gradients = {
        name: torch.zeros_like(p) if p.grad is None else p.grad
        for name, p in probe.named_parameters()
    }
    eps = torch.finfo(kind.dtype).eps
    with torch.no_grad():
        return Truth(scores.detach(), gradients, *_slacks(example, segments, z, y, eps))


def _rounded_to_bfloat16(
    probe: ReferenceProbe, segments: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores, convolution, normalised convolution and segments, rounded where the engine does it.

    Gradients pass a rounding as if there were none.
    """
    norm, weight = probe.norm, probe.conv.weight
    segments = segments.bfloat16().double()
    x = probe.pad(segments)
    z = functional.conv2d(x, weight)
    if probe.training:
        mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)
        alpha = norm.weight / (variance + norm.eps).sqrt()
        value = (alpha[:, None, None, None] * weight).float()
        norm(probe.conv(x))  # keeps its statistics, which know the bias
    else:
        mean = norm.running_mean - (0 if probe.conv.bias is None else probe.conv.bias)
        alpha = norm.weight / (norm.running_var + norm.eps).sqrt()
        # Rounded twice, as the engine's own factor is float32 here.
        factor = norm.weight.float() / (norm.running_var.float() + norm.eps).sqrt()
        value = factor[:, None, None, None] * weight.float()
    scaled = alpha[:, None, None, None] * weight
    scaled = scaled + (value.bfloat16().double() - scaled).detach()
    y = functional.conv2d(x, scaled) + (norm.bias - alpha * mean)[:, None, None]
    return probe.linear(y.relu().mean((2, 3))), z, y, segments


def _slacks(
    example: Example, segments: torch.Tensor, z: torch.Tensor, y: torch.Tensor, eps: float
) -> tuple[float, dict[str, float]]:
    """Of a pooled value, and of the norm of every gradient.

    ``z`` is the convolution without its bias, ``y`` what of it meets the ReLU.
    """
    probe, eps64 = example.probe, torch.finfo(torch.float64).eps
    norm, weight = probe.norm, probe.conv.weight.flatten(1)

    def each(values: torch.Tensor) -> torch.Tensor:  # of each filter
        return values[:, None, None]

    if probe.training:
        mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)
    else:
        mean = norm.running_mean - (0 if probe.conv.bias is None else probe.conv.bias)
        variance = norm.running_var
    deviation = (variance + norm.eps).sqrt()
    alpha = norm.weight / deviation
    ones = torch.ones(1, 1, *probe.conv.kernel_size, dtype=torch.float64)
    patch = functional.conv2d(probe.pad(segments).square(), ones).clamp(min=0).sqrt()
    length, loudest = weight.norm(dim=1), float(segments.abs().max())

    # A variance is what is left of second moments, taken in float64 in every engine.
    spread = 64 * eps64 * float((length * patch.square().mean().sqrt() / deviation).square().max())
    products = float((alpha[:, None] * weight).abs().sum(1).max()) * loudest
    starts = float((norm.bias.abs() + (alpha * mean).abs()).max())
    # A transform's block, in which the loudest filter of a pair is heard in the other.
    block = loudest * (SIZE * max(probe.conv.kernel_size)) ** 0.5
    transformed = 16 * float((alpha * length).abs().max()) * block
    score = eps * ((weight.shape[1] + 64) * (products + starts) + transformed)
    score += spread * float(y.abs().max())

    direction = example.direction.abs()
    upstream = direction @ probe.linear.weight.abs() / segments[0].numel()
    near = (y.abs() <= score).double() + 32 * eps + spread
    normal = (z - each(mean)).abs() / each(deviation)
    reach = patch + patch.mean() + normal * patch.square().mean().sqrt()
    terms = {
        "conv.weight": each(alpha.abs()) * reach,
        "conv.bias": each(alpha.abs()) * (2 + normal),  # as a patch of ones
        "norm.weight": (each(length) * patch + each(mean.abs())) / each(deviation),
        "norm.bias": torch.ones_like(y),
    }
    sums = {
        name: float((upstream[..., None, None] * term * near).sum((0, 2, 3)).norm())
        for name, term in terms.items()
    }
    pooled = y.clamp(min=0).mean((2, 3)) * 32 * eps + score
    sums["linear.weight"] = float((direction.T @ pooled).norm())
    sums["linear.bias"] = 32 * eps * float(direction.sum())
    return float(pooled.max()), sums


def check_scores(scores: torch.Tensor, example: Example, truth: Truth) -> None:
    linear = example.probe.linear
    weights = linear.weight.detach().abs().sum(1).max() + linear.bias.detach().abs().max()
    eps = torch.finfo(scores.dtype).eps
    allowed = float(weights) * (truth.pooled_slack + 32 * eps)
    assert float((scores.detach().double() - truth.scores).abs().max()) <= allowed


def check_gradients(probe: SinglePassProbe, example: Example, truth: Truth, rate: float) -> None:
    """Scores and gradients of ``probe`` are the example's, within ``truth``'s slack."""
    dtype = probe.linear.weight.dtype
    scores = probe(example.segments.to(dtype))
    check_scores(scores, example, truth)
    (scores * example.direction.to(dtype)).sum().backward()
    for name, parameter in probe.named_parameters():
        assert parameter.grad is not None, name
        true = truth.gradients[name]
        allowed = rate * float(true.norm()) + truth.slack[name]
        assert float((parameter.grad.double() - true).norm()) <= allowed, name
