"""Receptive fields: of layers by hand, of known weights, of random stacks, of saved networks."""

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from running import invoke, train
from torch import nn

import ablation
from ablation.analysis.fields import extents
from ablation.errors.common import UnknownName
from ablation.errors.networks import NoMap
from ablation.models.network import Network
from ablation.models.network.field import (
    LayerField,
    effective_field,
    last_map,
    layer_fields,
    settle_norms,
)
from ablation.results.field_record import FIELD, read_field
from ablation.saved.field import initial_network, measure_field
from ablation.study import NetworkSpec

SIZE = (64, 40)


def stack(layers: int, channels: int = 1) -> nn.Sequential:
    """Convolutions of 3x3 without anything between them."""
    widths = [1, *[channels] * layers]
    return nn.Sequential(*(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairwise(widths)))


def whole_field(model: nn.Module, segments: torch.Tensor) -> tuple[LayerField, np.ndarray]:
    layers = layer_fields(model.eval(), *segments.shape[2:])
    last = last_map(model, layers, tuple(segments.shape[2:]))
    return last, effective_field(model, last, segments)


def test_the_layers_of_the_papers_network_by_hand() -> None:
    """A 3x3 convolution adds two steps, a pooling one; a step doubles with each pooling."""
    model = Network([(10, 2), (2, 8)], "gap", 4, NetworkSpec(filters=1, channels=[1] * 4))
    found = {layer.name: (layer.bins, layer.frames) for layer in layer_fields(model.eval(), *SIZE)}
    assert found == {
        "backbone.conv1.groups.0": (10, 2),
        "backbone.conv1.groups.1": (2, 8),
        "backbone.conv1": (10, 8),
        "backbone.rest.0": (12, 10),  # Conv2
        "backbone.rest.1": (13, 11),
        "backbone.rest.2": (17, 15),  # Conv3
        "backbone.rest.3": (19, 17),
        "backbone.rest.4": (27, 25),  # Conv4
        "backbone": (35, 33),  # Conv5
    }


def test_layers_of_any_kind_need_no_rule() -> None:
    """Strides, dilation, gaps in time and an average over all bins."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.strided = nn.Conv2d(1, 2, (4, 1), stride=(2, 1))
            self.dilated = nn.Conv2d(2, 2, (1, 3), dilation=(1, 4), padding=(0, 4))
            self.over_bins = nn.AdaptiveAvgPool2d((1, 40))

        def forward(self, segments: torch.Tensor) -> torch.Tensor:
            return self.over_bins(self.dilated(self.strided(segments))).mean(dim=(1, 2, 3))[:, None]

    layers = layer_fields(Own().eval(), *SIZE)
    assert [(layer.name, layer.bins, layer.frames) for layer in layers] == [
        ("strided", 4, 1), ("dilated", 4, 9), ("over_bins", 64, 9),
    ]  # fmt: skip
    assert not layer_fields(nn.Sequential(nn.Flatten(), nn.Linear(2560, 3)).eval(), *SIZE)


def test_known_weights_have_the_field_computed_by_hand() -> None:
    """A bright column, and a Gaussian: the gradient is the filter's absolute weights."""
    segments = torch.rand(2, 1, *SIZE)
    column = nn.Sequential(nn.Conv2d(1, 1, (9, 5), padding=(4, 2), bias=False))
    weights = torch.zeros(9, 5)
    weights[:, 3] = -2.0
    column[0].weight.data[:] = weights  # type: ignore[operator,union-attr]
    last, field = whole_field(column, segments)
    assert (last.bins, last.frames) == (9, 5)
    seen = field[last.bottom : last.top, last.left : last.right]
    assert seen == pytest.approx(weights.abs().numpy())
    assert not np.delete(field, np.s_[last.bottom : last.top], axis=0).any()
    height, width = extents(field)
    assert (height.half, height.mass, width.half, width.mass) == (9, 9, 1, 1)

    places = torch.arange(-20.0, 21.0)
    bell = torch.exp(-(places**2) / (2 * 5**2))  # half height at 5.9 from the centre, 95 % at 9.8
    gauss = nn.Sequential(nn.Conv2d(1, 1, (41, 1), padding=(20, 0), bias=False))
    gauss[0].weight.data[0, 0, :, 0] = bell  # type: ignore[operator,union-attr]
    height, width = extents(whole_field(gauss, segments)[1])
    assert (height.half, height.mass, width.half) == (11, 20, 1)


def test_a_unit_that_never_fires_sees_nothing() -> None:
    silent = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU())
    silent[0].bias.data[:] = -100.0  # type: ignore[operator,union-attr]
    height, width = extents(whole_field(silent, torch.rand(1, 1, *SIZE))[1])
    assert (height.half, height.mass, width.half, width.mass) == (0, 0, 0, 0)


@pytest.mark.parametrize("layers", [6, 8])
def test_stacks_have_the_gaussian_of_the_literature(layers: int) -> None:
    """Luo et al. (2016): n convolutions of k x k have a variance of n (k^2 - 1) / 12 along a side.

    With random weights of mean zero, that of the squared gradient; its root, the mean absolute
    gradient, has twice as much.
    """
    torch.manual_seed(0)
    variance = layers * (3**2 - 1) / 12
    segments = torch.zeros(1, 1, 48, 48)

    def deviation(field: np.ndarray) -> float:
        profile = field.sum(axis=0) / field.sum()
        places = np.arange(len(profile)) - len(profile) // 2
        return float(np.sqrt((profile * places**2).sum()))

    uniform = stack(layers)
    for parameter in uniform.parameters():
        parameter.data.fill_(1 / 9)
    assert deviation(whole_field(uniform, segments)[1]) == pytest.approx(
        np.sqrt(variance), rel=0.01
    )
    fields = [whole_field(stack(layers, channels=4), segments)[1] for _ in range(60)]
    scaled = [field / field.sum() for field in fields]
    assert deviation(sum(scaled)) == pytest.approx(np.sqrt(2 * variance), rel=0.1)
    height, _ = extents(sum(scaled))
    assert height.half == pytest.approx(2.355 * np.sqrt(2 * variance), rel=0.1, abs=1)


@pytest.mark.parametrize("size", [(64, 40), (50, 30), (41, 23)])
def test_leaving_out_what_is_not_seen_changes_nothing(size: tuple[int, int]) -> None:
    """The package's own network is computed around the unit only, a network of the user's whole."""
    torch.manual_seed(1)
    model = Network([(4, 2)], "gap", 3, NetworkSpec(filters=2, channels=[3, 4, 4]))
    segments = torch.rand(3, 1, *size)
    settle_norms(model, segments)
    last, field = whole_field(model, segments)
    other = effective_field(nn.Sequential(model).eval(), _renamed(last), segments)
    assert field == pytest.approx(other, rel=1e-3, abs=1e-6 * field.max())


def _renamed(layer: LayerField) -> LayerField:
    return replace(layer, output="0.backbone")


@pytest.fixture(scope="session")
def saved(promoted: Path) -> Path:
    """The network of the tiny study that was trained on all speakers."""
    return next((promoted / "results" / "tiny" / "networks").glob("*-all-*"))


def test_promotion_measures_the_network_that_it_saves(saved: Path) -> None:
    record = read_field(saved)
    assert record is not None
    assert record.weights == ablation.load_network(saved).record.weights
    assert record.theoretical == record.layers[-1]
    assert {field.max() for field in record.fields.values()} == {1.0}


def test_training_begins_with_the_weights_of_the_untrained_network(
    promoted: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """Trained with a learning rate of nothing, a network is what it was before."""
    shutil.copytree(promoted, tmp_path, dirs_exist_ok=True)
    still = ("--set", "network.training.learning_rate=1e-30", "--set", "network.training.steps=1")
    train("promote", "--shapes", "3x2", "--baselines", "none", *still, "--study", tiny_study,
          "--seeds", "0", "--workers", "1", cwd=tmp_path)  # fmt: skip
    for place in (tmp_path / "results" / "tiny" / "networks").glob("*-3x2-*"):
        network = ablation.load_network(place)
        before = dict(initial_network(network.record).named_parameters())
        for name, after in network.model.named_parameters():
            torch.testing.assert_close(after, before[name], rtol=1e-6, atol=1e-12)


def test_field_prints_stores_and_draws(
    promoted: Path, tiny_study: Path, tiny_manifest: Path, tmp_path: Path
) -> None:
    shutil.copytree(promoted, tmp_path, dirs_exist_ok=True)
    run = invoke("field", "--study", tiny_study, "--segments", "5", cwd=tmp_path)
    assert [line for line in run.stdout.splitlines() if "backbone.conv1.groups.0" in line]
    assert (tmp_path / "figures" / "tiny" / "field.png").exists()
    told = invoke("field", "--study", tiny_study, "--segments", "5", "--json", cwd=tmp_path)
    found = json.loads(told.stdout)
    assert found["segments"] == 5
    whole = found["layers"][-1]
    for state in ("trained", "untrained"):
        for part in ("half", "mass"):
            told_of = found["effective"][state][part]
            assert 0 < told_of["bins"] <= whole["bins"]
            assert told_of["ms"] == 10 * told_of["frames"]
    report = invoke("report", "--study", tiny_study, cwd=tmp_path)
    assert report.returncode == 0
    page = (tmp_path / "results" / "tiny" / "report.md").read_text()
    seen, half = (
        next(line.split("|")[2:6] for line in page.splitlines() if line.startswith(f"| {start}"))
        for start in ("all that it can see", "trained, at half height")
    )
    sides = ("bins", "hz", "frames", "ms")
    for told_there, here in ((seen, whole), (half, found["effective"]["trained"]["half"])):
        assert [float(text.replace(",", "")) for text in told_there] == [here[k] for k in sides]
    moved = shutil.copytree(tmp_path / found["network"], tmp_path / "elsewhere" / "network")
    (moved / FIELD).write_text("spoilt")
    assert read_field(moved) is None
    given = ("--network", moved, "--segments", "2", "--output", tmp_path / "f.svg")
    invoke("field", *given, tiny_manifest.parent, cwd=tmp_path / "elsewhere")
    assert read_field(moved) is not None and (tmp_path / "f.svg").exists()
    wrong = invoke("field", *given[:-1], "f.gif", tiny_manifest.parent, cwd=tmp_path, check=1)
    assert isinstance(wrong.error, UnknownName)


def test_a_network_without_maps_has_no_field(saved: Path) -> None:
    network = ablation.load_network(saved)
    network.record = network.record.model_copy(
        update={"network": NetworkSpec(factory="module:factory")}
    )
    network.model = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
    with pytest.raises(NoMap):
        size = network.record.features.height, network.record.features.width
        measure_field(network, torch.zeros(1, 1, *size))
