"""Receptive fields: what a layer's central unit can see of a segment, and what it does see.

What it *can* see, its theoretical field, is found without knowing the layers: a value that is not a
number spreads to all that depends on it. So networks of the user's own need no rule for theirs.
What it *does* see, its effective field, is the gradient of the unit with respect to the segment
(Luo et al., *Understanding the Effective Receptive Field in Deep Convolutional Neural Networks*,
NeurIPS 2016): the outer positions of a theoretical field hardly count.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from ablation.models.network.backbone import Network

Sees = Callable[
    [int], dict[str, bool]
]  # does a layer's unit see any row (column) from this one on?


@dataclass(frozen=True)
class LayerField:
    """A layer's map of ``size`` (height, width), and what its central unit can see of a segment.

    Bins ``bottom`` to ``top`` and frames ``left`` to ``right``, the last ones excluded. ``output``
    is the last module in a row with the same field and size, as of batch norm and ReLU.
    """

    name: str
    output: str
    kind: str
    size: tuple[int, int]
    bottom: int
    top: int
    left: int
    right: int

    @property
    def bins(self) -> int:
        return self.top - self.bottom

    @property
    def frames(self) -> int:
        return self.right - self.left


def layer_fields(model: nn.Module, height: int, width: int) -> list[LayerField]:
    """Return the layers of ``model`` that see more than the one before, or have another map.

    They are in the order in which they run, for segments of ``height`` bins by ``width`` frames.
    Only modules with a map (n, channels, height, width) as output are layers; of nested modules
    with equal fields the outermost is named. A field may be as large as the segment.
    """
    segment = torch.zeros(1, 1, height, width)
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    with torch.no_grad():
        sizes = {name: (maps.shape[2], maps.shape[3]) for name, maps in _maps(model, segment)}

    def sees(row: slice, column: slice) -> dict[str, bool]:
        spoilt = segment.clone()
        spoilt[..., row, column] = torch.nan
        return {name: bool(_centre(maps).isnan().any()) for name, maps in _maps(model, spoilt)}

    every = slice(None)
    with _window_by_window():
        top = _last_seen(lambda k: sees(slice(k, None), every), height)
        bottom = _last_seen(lambda k: sees(slice(None, height - k), every), height)
        right = _last_seen(lambda k: sees(every, slice(k, None)), width)
        left = _last_seen(lambda k: sees(every, slice(None, width - k)), width)
    found: list[LayerField] = []
    for name, size in sizes.items():
        layer = LayerField(
            name, name, kinds[name], size, height - 1 - bottom[name], top[name] + 1,
            width - 1 - left[name], right[name] + 1,
        )  # fmt: skip
        if found and layer == replace(found[-1], name=name, output=name, kind=layer.kind):
            inside = found[-1].name.startswith(f"{name}.")
            found[-1] = layer if inside else replace(found[-1], output=name)
        else:
            found.append(layer)
    return found


def last_map(model: nn.Module, layers: Iterable[LayerField], size: tuple[int, int]) -> LayerField:
    """Return the layer whose map is pooled: the last one that does not see a whole segment."""
    layers = list(layers)
    if isinstance(model, Network):
        whole = next(layer for layer in layers if layer.name == "backbone")
        return replace(whole, output="backbone")  # not the maps of attention pooling
    local = [layer for layer in layers if (layer.bins, layer.frames) != size]
    return (local or layers)[-1]


def effective_field(model: nn.Module, layer: LayerField, segments: torch.Tensor) -> np.ndarray:
    """Return the mean absolute gradient of a layer's central unit, shape (height, width).

    The gradient is that of the sum of all channels with respect to each of the ``segments``
    (n, 1, height, width).
    """
    total = np.zeros(segments.shape[2:])
    part = _around(layer, total.shape) if isinstance(model, Network) else np.s_[:, :]
    for segment in segments[:, :, *part].split(1):  # maps of many segments need much memory
        given = segment.clone().requires_grad_()
        with torch.enable_grad():
            unit = next(_centre(maps) for name, maps in _maps(model, given) if name == layer.output)
            (gradient,) = torch.autograd.grad(unit.sum(), given)
        total[part] += gradient[0, 0].abs().double().numpy()
    return total / len(segments)


def _around(layer: LayerField, size: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the part of a segment that holds what a local layer's central unit sees.

    Its central unit is the same one, as the part begins a whole number of the map's steps before;
    with what the unit does not see, most of the work is left out.
    """
    seen = ((layer.bottom, layer.top), (layer.left, layer.right))
    part = []
    for (first, last), whole, mapped in zip(seen, size, layer.size, strict=True):
        step = 1 << (whole // mapped).bit_length() - 1  # of as many 2x2 poolings, rounded down
        centre = mapped // 2 * step
        reach = -(-max(centre - first, last - centre) // step) * step
        fits = reach <= centre and centre + reach <= whole
        part.append(slice(centre - reach, centre + reach) if fits else slice(None))
    return tuple(part)


def settle_norms(model: nn.Module, segments: torch.Tensor) -> None:
    """Give the batch norms of an untrained network the statistics of ``segments``.

    It computes with them in the first step of training; without, deep maps are nearly constant.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
        norm.train()
    with torch.no_grad():
        for batch in segments.split(8):
            model(batch)
    model.eval()


def _maps(model: nn.Module, segments: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    """Run ``model``; return each module's name and its map, in order, without other outputs."""
    found: list[tuple[str, torch.Tensor]] = []
    names = {module: name for name, module in model.named_modules() if name}

    def keep(module: nn.Module, _given: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4 and output.shape[0] == 1:
            found.append((names[module], output))

    hooks = [module.register_forward_hook(keep) for module in names]
    try:
        model(segments)
    finally:
        for hook in hooks:
            hook.remove()
    return found


@contextmanager
def _window_by_window() -> Iterator[None]:
    """Compute convolutions as products of windows: faster ways mix the values of several."""
    before = torch.backends.mkldnn.set_flags(_enabled=False)
    try:
        with torch.backends.nnpack.flags(enabled=False), torch.no_grad():
            yield
    finally:
        torch.backends.mkldnn.set_flags(_enabled=before[0])


def _centre(maps: torch.Tensor) -> torch.Tensor:
    """Return the central unit of maps (1, channels, height, width), shape (channels,)."""
    return maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2]


def _last_seen(sees: Sees, number: int) -> dict[str, int]:
    """Return the last row (or column) of ``number`` that each layer's unit sees, by bisection."""
    low = dict.fromkeys(sees(0), 0)
    high = dict.fromkeys(low, number)
    while any(high[name] - low[name] > 1 for name in low):
        widest = max(low, key=lambda name: high[name] - low[name])
        middle = (low[widest] + high[widest]) // 2
        for name, seen in sees(middle).items():
            if low[name] < middle < high[name]:
                (low if seen else high)[name] = middle
    return low
