"""The full network and its poolings, by hand; costs; a network of the user's own."""

import itertools
import math
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ablation.errors import StudyError
from ablation.errors.common import UnknownName
from ablation.errors.networks import (
    FactoryFailed,
    FactoryModuleMissing,
    FactorySignature,
    UnusableNetwork,
)
from ablation.models.network import POOLINGS, Explains, Network, build_network, cost_of
from ablation.models.network.pooling import (
    AttentionPooling,
    AveragePooling,
    BilinearPooling,
    MaxPooling,
    StatisticsPooling,
)
from ablation.models.own import source_digest
from ablation.models.probe.reference import same_padding
from ablation.study import NETWORK_NAMES, FeaturesSpec, NetworkSpec, Shape
from ablation.training.seeds import seeded

SHAPES = (Shape(10, 2), Shape(2, 8))


def test_the_default_network_is_the_papers() -> None:
    network = Network(SHAPES, "bilinear", 4, NetworkSpec())
    maps = network.backbone(torch.rand(2, 1, 40, 24))
    assert maps.shape == (2, 80, 10, 6)  # two 2x2 max-poolings, 80 channels
    assert network.pooling.linear.in_features == 6400
    groups = network.backbone.conv1.groups
    assert [group.weight.shape for group in groups] == [(8, 1, 10, 2), (8, 1, 2, 8)]


def test_the_cost_of_the_default_network_by_hand() -> None:
    """Weights, two numbers a channel of batch norm; multiply-adds of convolutions and the head."""
    cost = cost_of(Network(SHAPES, "gap", 4, NetworkSpec()), 400, 200)
    channels = [16, 32, 48, 64, 80]
    weights = [8 * 20 + 8 * 16] + [9 * a * b for a, b in itertools.pairwise(channels)]
    assert cost.parameters == sum(weights) + 2 * sum(channels) + 80 * 4 + 4
    positions = [80_000, 80_000, 20_000, 5_000, 5_000]
    adds = sum(w * p for w, p in zip(weights, positions, strict=True))
    assert cost.multiply_adds == adds + 80 * 4


@pytest.mark.parametrize("pools", [[], [1], [1, 2, 3]])
def test_the_backbone_is_conv_norm_relu_pool_in_the_order_of_the_paper(pools: list[int]) -> None:
    """Against plain operators: norms of each group apart, ReLU before pooling; and its gradient."""
    spec = NetworkSpec(filters=2, channels=[3, 4], pools=pools)
    with seeded("backbone"):
        network = Network([Shape(3, 2), Shape(2, 4)], "gap", 2, spec).double()
        x = torch.rand(3, 1, 16, 12, dtype=torch.float64)
    backbone = network.backbone

    def plain(x: torch.Tensor) -> torch.Tensor:
        parts = []
        for shape, group in zip(backbone.conv1.shapes, backbone.conv1.groups, strict=True):
            padded = nn.functional.pad(x, same_padding(shape.height, shape.width))
            z = nn.functional.conv2d(padded, group.weight)
            parts.append(nn.functional.batch_norm(z, None, None, training=True).relu())
        maps = torch.cat(parts, dim=1)
        if 1 in pools:
            maps = nn.functional.max_pool2d(maps, 2)
        for number, index in ((2, 0), (3, 2)):
            maps = nn.functional.conv2d(maps, backbone.rest[index].weight, padding=1)
            maps = nn.functional.batch_norm(maps, None, None, training=True).relu()
            if number in pools:
                maps = nn.functional.max_pool2d(maps, 2)
        return maps

    weight = backbone.conv1.groups[0].weight
    ours, theirs = backbone(x), plain(x)
    assert torch.allclose(ours, theirs, atol=1e-12)
    a, b = (torch.autograd.grad((maps**2).sum(), weight)[0] for maps in (ours, theirs))
    assert torch.allclose(a, b, atol=1e-9)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_scores_every_class(pooling: str) -> None:
    network = Network([Shape(3, 2)], pooling, 5, NetworkSpec(channels=[6], pools=[]))
    scores = network(torch.rand(3, 1, 8, 6))
    assert scores.shape == (3, 5)
    scores.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert pooling in NETWORK_NAMES  # it has a name in Table 1


@pytest.mark.parametrize("pooling", POOLINGS)
def test_maps_that_explain_add_up_to_the_score(pooling: str) -> None:
    """The mean over positions of top-down times bottom-up (a sum where that is a softmax)."""
    with seeded("maps", pooling):
        head = POOLINGS[pooling](6, 3, NetworkSpec()).double()
        x = torch.rand(2, 6, 4, 5, dtype=torch.float64)
    if not isinstance(head, Explains):
        assert pooling in ("bilinear", "max", "statistics")
        return
    top_down, bottom_up = head.attention(x)
    assert top_down.shape == (2, 3, 4, 5)
    product = top_down if bottom_up is None else top_down * bottom_up
    scores = product.sum((2, 3)) if pooling == "attention" else product.mean((2, 3))
    assert torch.allclose(scores, head(x), atol=1e-12)


def _loops(pooling: AttentionPooling, x: torch.Tensor) -> torch.Tensor:
    """Equations 8 to 10 position by position: x (1, channels, H, W), scores (classes,)."""
    a, b = pooling.top_down, pooling.bottom_up
    _, _, height, width = x.shape
    scores = torch.zeros(a.weight.shape[0], dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            above = a.weight[:, :, 0, 0] @ x[0, :, i, j] + a.bias
            below = b.weight[:, :, 0, 0] @ x[0, :, i, j] + b.bias
            scores += above * (below.exp() if pooling.weights == "softmax" else below)
    return scores


def test_attention_is_a_weighted_average_by_an_explicit_loop() -> None:
    """Equation 9 with the softmax of section 3.3."""
    with seeded("attention"):
        pooling = AttentionPooling(3, 2).double()
        x = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    b = pooling.bottom_up
    total = (torch.einsum("nchw,kc->nkhw", x, b.weight[:, :, 0, 0]) + b.bias).exp().sum()
    expected = _loops(pooling, x) / total
    assert torch.allclose(pooling(x)[0], expected, atol=1e-12)
    literal = AttentionPooling(3, 2, literal=True).double()
    literal.load_state_dict(pooling.state_dict())
    assert torch.allclose(literal(x)[0], expected / 20, atol=1e-12)


@pytest.mark.parametrize("weights", ["plain", "class"])
def test_attention_without_softmax_by_an_explicit_loop(weights: str) -> None:
    """Equations 10 and 8, the mean over positions for the sum."""
    with seeded("attention", weights):
        pooling = AttentionPooling(3, 4, weights).double()  # type: ignore[arg-type]
        x = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    assert pooling.bottom_up.out_channels == (4 if weights == "class" else 1)
    assert torch.allclose(pooling(x)[0], _loops(pooling, x) / 20, atol=1e-12)


def test_class_attention_is_second_order_pooling_of_rank_one() -> None:
    """Equations 4 to 8: Tr(X^T X b a^T) = (X a)^T (X b), without the biases."""
    with seeded("rank"):
        pooling = AttentionPooling(3, 2, "class").double()
        x = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    nn.init.zeros_(pooling.top_down.bias)
    nn.init.zeros_(pooling.bottom_up.bias)
    rows = x[0].flatten(1).T  # X of the paper: positions x channels
    for k in range(2):
        a, b = pooling.top_down.weight[k, :, 0, 0], pooling.bottom_up.weight[k, :, 0, 0]
        trace = torch.trace(rows.T @ rows @ torch.outer(b, a))
        assert pooling(x)[0, k].item() == pytest.approx(trace.item() / 20, abs=1e-12)


@pytest.mark.parametrize("order", ["sqrt-l2", "l2-sqrt"])
def test_bilinear_features_by_hand(order: str) -> None:
    """X^T X of two positions and two channels."""
    x = torch.tensor([[[[1.0, -2.0]], [[3.0, 1.0]]]], dtype=torch.float64)
    product = torch.tensor([1 + 4, 3 - 2, 3 - 2, 9 + 1], dtype=torch.float64) / 2
    if order == "sqrt-l2":
        root = product.sign() * product.abs().sqrt()
        expected = root / root.norm()
    else:
        unit = product / product.norm()
        expected = unit.sign() * unit.abs().sqrt()
    pooling = BilinearPooling(2, 4, order).double()  # type: ignore[arg-type]
    assert torch.allclose(pooling.features(x)[0], expected, atol=1e-9)
    scores = pooling.linear.weight @ expected + pooling.linear.bias
    assert torch.allclose(pooling(x)[0], scores, atol=1e-8)


def test_average_max_and_statistics_by_hand() -> None:
    x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[-2.0, -2.0], [-2.0, 2.0]]]])
    average, largest, both = AveragePooling(2, 3), MaxPooling(2, 3), StatisticsPooling(2, 3)
    for head, features in (
        (average, [4.0, -1.0]),
        (largest, [7.0, 2.0]),
        (both, [4.0, -1.0, math.sqrt(5), math.sqrt(3)]),
    ):
        expected = head.linear.weight @ torch.tensor(features) + head.linear.bias
        assert torch.allclose(head(x)[0], expected, atol=1e-5)


SMALL = FeaturesSpec(sample_rate=8000, n_fft=128, window_ms=16, max_hz=1000, segment_s=0.3)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of the user's own in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    name = f"mine_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(
        "from torch import nn\n"
        "def build(shapes, classes):\n"
        "    layers = [nn.Conv2d(1, 2, shape) for shape in shapes[:1]]\n"
        "    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), "
        "nn.Linear(2, classes))\n"
        "def wrong(shapes, classes):\n    return nn.Sequential(nn.Flatten(), nn.LazyLinear(9))\n"
        "def nothing(shapes, classes):\n    return None\n"
        "def broken(shapes, classes):\n    return 1 / 0\n"
        "def leaves(shapes, classes):\n    raise SystemExit(0)\n"
        "def empty(shapes, classes):\n    return nn.Flatten()\n"
        "def narrow(shapes, classes):\n    return nn.Conv2d(3, 2, 3)\n"
        "def told(spec, extra=1):\n"
        "    linear = nn.Linear(spec.bins * spec.frames, spec.classes, bias=spec.options['bias'])\n"
        "    return nn.Sequential(nn.Flatten(), linear)\n"
        "def half(shapes, classes=4):\n    return build(shapes, classes)\n"
        "def three(height, width, classes):\n    pass\n"
        "def named(*, spec):\n    pass\n"
        "class Nan(nn.Linear):\n"
        "    def __init__(self, spec):\n"
        "        super().__init__(1, spec.classes)\n"
        "    def forward(self, segments):\n"
        "        return super().forward(segments.std((1, 2, 3))[:, None].log() * 0)\n"
    )
    return Path(name)


def test_a_network_of_ones_own_gets_the_shapes(mine: Path) -> None:
    spec = NetworkSpec(factory=f"{mine}:build")
    model = build_network([Shape(5, 3)], "attention", 4, spec, SMALL)
    assert model[0].weight.shape == (2, 1, 5, 3)
    assert model(torch.rand(3, 1, SMALL.height, SMALL.width)).shape == (3, 4)
    before = source_digest(f"{mine}:build")
    (Path.cwd() / f"{mine}.py").write_text("# another\n")
    assert source_digest(f"{mine}:build") != before


def test_a_factory_gets_a_spec_or_as_earlier_shapes_and_classes(mine: Path) -> None:
    told = NetworkSpec(factory=f"{mine}:told", options={"bias": False})
    model = build_network([Shape(5, 3), Shape(2, 2)], "attention", 4, told, SMALL)
    assert model[1].weight.shape == (4, SMALL.height * SMALL.width) and model[1].bias is None
    half = NetworkSpec(factory=f"{mine}:half")
    assert build_network([Shape(5, 3)], "attention", 4, half, SMALL)[0].kernel_size == (5, 3)


@pytest.mark.parametrize(
    ("factory", "kind", "values"),
    [
        ("nowhere_at_all:build", FactoryModuleMissing, {"module": "nowhere_at_all"}),
        ("no.such.package:build", FactoryModuleMissing, {"module": "no.such.package"}),
        ("{mine}:biuld", UnknownName, {"name": "biuld", "nearest": "build"}),
        (
            "{mine}:nothing",
            UnusableNetwork,
            {"fault": "the factory returned NoneType, not a torch.nn.Module"},
        ),
        ("{mine}:wrong", UnusableNetwork, {}),
        (
            "{mine}:broken",
            FactoryFailed,
            {
                "stage": "factory",
                "exception": "ZeroDivisionError",
                "reason": "division by zero",
                "line": 10,
            },
        ),
        ("{mine}:leaves", FactoryFailed, {"stage": "factory", "exception": "SystemExit"}),
        ("{mine}:narrow", FactoryFailed, {"stage": "network", "exception": "RuntimeError"}),
        ("{mine}:empty", UnusableNetwork, {"fault": "the network has no parameters to train"}),
        ("{mine}:told", FactoryFailed, {"exception": "KeyError", "shapes": "5x3", "line": 18}),
        ("{mine}:three", FactorySignature, {"signature": "(height, width, classes)"}),
        ("{mine}:named", FactorySignature, {"signature": "(*, spec)"}),
        (
            "{mine}:Nan",
            UnusableNetwork,
            {
                "fault": "two segments of shape (1, 16, 30), all zeros, gave scores that are not "
                "finite"
            },
        ),
    ],
)
def test_a_factory_that_cannot_be_used_is_said(
    mine: Path, factory: str, kind: type[StudyError], values: dict[str, object]
) -> None:
    spec = NetworkSpec(factory=factory.format(mine=mine))
    with pytest.raises(kind) as caught:
        build_network([Shape(5, 3)], "attention", 4, spec, SMALL)
    assert {name: getattr(caught.value, name) for name in values} == values
    assert f"--network {spec.factory}" in caught.value.what


def test_a_factory_whose_module_cannot_be_imported_is_said(mine: Path) -> None:
    Path(f"{mine}_broken.py").write_text("import os\n1 / 0\n")
    with pytest.raises(FactoryFailed) as caught:
        source_digest(f"{mine}_broken:build")
    assert (caught.value.stage, caught.value.line) == ("module", 2)
    assert Path(caught.value.file).name == f"{mine}_broken.py"


def test_filters_channels_and_places_of_the_poolings_are_the_studys() -> None:
    spec = NetworkSpec(filters=3, channels=[5, 7], pools=[1, 3])
    network = Network([Shape(2, 2), Shape(4, 1, filters=6)], "max", 3, spec)
    assert network.backbone.conv1.channels == 9
    assert network.backbone(torch.rand(1, 1, 16, 12)).shape == (1, 7, 4, 3)
