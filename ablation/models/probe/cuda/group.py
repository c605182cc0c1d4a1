"""A group of probes with equal operators, trained together on a card, a step in a few launches.

The cells of a group are the same shape in other folds or with other seeds. Their weights lie side
by side, and every kernel has the cell as an axis of its grid: what one cell computes is the same to
the last bit in a group of any size. A step is captured as a CUDA graph, so that the CPU only says
"again"; which segments it takes, and at which rate it learns, lies on the card beforehand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ablation.models.probe.cuda import step_kernels as kernels
from ablation.models.probe.cuda.passes import CardPass, Stored, launch
from ablation.models.probe.cuda.plans import FILTERS
from ablation.models.probe.portable import Parts
from ablation.models.probe.single_pass import SinglePassProbe, spread_weight
from ablation.study import TrainingSpec

_TAPS, _COLUMNS, _VALUES, _ROWS = 16, 256, 1024, 16  # of a program's tile


@dataclass(frozen=True)
class Schedule:
    """Some steps of every cell, on the CPU; a cell that has ended has batches of no segments.

    Attributes
    ----------
    numbers, labels
        The segments of each batch and their classes, int32, shape (steps, cells, batch).
    counts
        The segments in each batch, int32, shape (steps, cells).
    rates
        Float64, shape (steps, cells, 4): learning rate, Adam's two bias corrections, and the weight
        of the new weights in their running mean.
    """

    numbers: torch.Tensor
    labels: torch.Tensor
    counts: torch.Tensor
    rates: torch.Tensor


class ProbeGroup:
    """Probes of one shape that are trained together.

    Parameters
    ----------
    probes
        The untrained probes; they stay as they are.
    way
        The pass for their filters.
    spec
        The settings of the training, of which the optimiser, smoothing and averaging count here.
    moments
        The sums behind batch statistics of all segments, float64, shape (segments, size): those of
        a patch, then those of the products of two taps.
    """

    def __init__(
        self,
        probes: Sequence[SinglePassProbe],
        way: CardPass,
        spec: TrainingSpec,
        moments: torch.Tensor,
    ) -> None:
        self.way, self.spec, self.moments = way, spec, moments
        self.device, self.cells = moments.device, len(probes)
        self.positions = way.size[0] * way.size[1]  # of a segment
        first = probes[0]
        self.bias = first.conv.bias is not None
        self.filters, self.classes = first.linear.in_features, first.linear.out_features
        self.blocks = -(-self.filters // FILTERS)
        self.eps, self.momentum = first.norm.eps, first.norm.momentum or 0.0
        self.dilation = first.conv.dilation
        self.state = torch.stack([self._packed(probe) for probe in probes]).to(self.device)
        self.gradients = torch.zeros_like(self.state)
        self.moved = torch.zeros_like(self.state), torch.zeros_like(self.state)
        self.average = torch.zeros_like(self.state)
        mask = spread_weight(torch.ones_like(first.conv.weight[:1, 0]), self.dilation)[0]
        upright = (mask.T if way.turned else mask).flatten()
        self.trainable = upright.to(self.device).contiguous()
        self.step = torch.zeros(1, dtype=torch.int32, device=self.device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._room: _Room | None = None

    @property
    def taps(self) -> int:
        """Values of a filter, with those that dilation leaves out."""
        return self.way.extent[0] * self.way.extent[1]

    @property
    def _norm_at(self) -> int:
        return self.filters * (self.taps + self.bias)

    @property
    def _linear_at(self) -> int:
        return self._norm_at + 2 * self.filters

    @property
    def _stats_at(self) -> int:
        return self._linear_at + (self.filters + 1) * self.classes

    @property
    def _sizes(self) -> dict[str, int]:
        """The values of each part of a state after the convolution's weight, in their order."""
        filters, classes = self.filters, self.classes
        return ({"conv.bias": filters} if self.bias else {}) | {
            "norm.weight": filters, "norm.bias": filters,
            "linear.weight": filters * classes, "linear.bias": classes,
            "norm.running_mean": filters, "norm.running_var": filters,
        }  # fmt: skip

    def _packed(self, probe: SinglePassProbe) -> torch.Tensor:
        """Return a probe's parameters and running statistics, one after the other."""
        own, weight = probe.state_dict(), spread_weight(probe.conv.weight[:, 0], self.dilation)
        parts = [weight.mT if self.way.turned else weight, *(own[name] for name in self._sizes)]
        return torch.cat([part.detach().float().flatten() for part in parts])

    @torch.no_grad()
    def unpack(self, cell: int, probe: SinglePassProbe) -> None:
        """Give ``probe`` the weights of a cell, averaged if the study asks for it."""
        own = probe.state_dict()
        kept = self.average if self.spec.averaging else self.state
        for name, values in self._named(kept[cell]):
            own[name].copy_(values.reshape(own[name].shape))

    def gradients_of(self, cell: int) -> dict[str, torch.Tensor]:
        """Return the gradients of a cell's last step, by the names of a probe's parameters."""
        return dict(self._named(self.gradients[cell]))

    def _named(self, values: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the parts of a state by their names in a probe's ``state_dict``."""
        size = self.filters * self.taps
        weight, rest = values[:size], values[size:]
        upright = weight.view(self.filters, *self.way.extent)
        down, along = self.dilation
        yield "conv.weight", (upright.mT if self.way.turned else upright)[:, ::down, ::along]
        yield from zip(self._sizes, rest.split(list(self._sizes.values())), strict=True)

    def run(
        self,
        schedule: Schedule,
        stored: Stored,
        places: torch.Tensor | None = None,
        before: Callable[[int], None] = lambda _step: None,
    ) -> None:
        """Take the steps of ``schedule``; a card may still be busy with them afterwards.

        Parameters
        ----------
        stored
            The segments; by default those of ``schedule.numbers`` are taken.
        places
            Instead, the places of a batch's segments in ``stored``, (cells * batch,), for every
            step; then ``before`` puts them there.
        """
        steps = len(schedule.counts)
        if self._room is None or self._room.steps < steps:
            self._room, self._graph = _Room(schedule, self.device), None
        room = self._room
        room.take(schedule)
        self.step.zero_()
        for number in range(steps):
            before(number)
            if self._graph is None:
                self._take_step(stored, room, places)
                # The first step has compiled and loaded what the graph holds.
                self._graph = self._captured(stored, room, places)
            else:
                self._graph.replay()

    def results(self, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return loss and correct answers, summed over each batch of the last ``steps`` steps.

        Both have the shape (steps, cells), on the CPU.
        """
        if self._room is None:
            raise RuntimeError("no step was taken")
        return self._room.loss[:steps].cpu(), self._room.correct[:steps].cpu()

    def _captured(
        self, stored: Stored, room: "_Room", places: torch.Tensor | None
    ) -> "torch.cuda.CUDAGraph | None":
        if self.device.type != "cuda":
            return None
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._take_step(stored, room, places)
        return graph

    def _take_step(self, stored: Stored, room: "_Room", places: torch.Tensor | None) -> None:
        if places is None:
            places = room.numbers.index_select(0, self.step).view(-1)
        work = _Work(self, room)
        filters = self._scaled_filters(room, work)
        found = self.way.run(stored, places, room.batch, *filters, train=True)
        self._loss(room, work, stored, places, found)
        self._gradients(room, work, found[2])
        self._update(room)
        self.step.add_(1)

    def _scaled_filters(self, room: "_Room", work: "_Work") -> tuple[torch.Tensor, torch.Tensor]:
        """Return the filters and thresholds of the pass: convolution and batch norm in one."""
        (height, width), filters, blocks = self.way.extent, self.filters, self.blocks
        size, state_size = self.moments.shape[1], self.state.shape[1]
        slots = (self.cells, blocks, FILTERS)
        scaled = torch.empty((*slots, self.taps), dtype=self.way.kind, device=self.device)
        delta = torch.empty(slots, device=self.device)
        launch(kernels.totals, (self.cells, -(-size // _COLUMNS)), 4,
               self.step, room.numbers, room.counts, self.moments, work.total, size, room.batch,
               COLUMNS=_COLUMNS)  # fmt: skip
        launch(kernels.spreads, (self.cells, blocks, -(-self.taps // _TAPS)), 4,
               self.step, room.counts, work.total, self.state, work.spread, self.positions, size,
               height, width, filters, state_size, TAPS=_TAPS)  # fmt: skip
        launch(kernels.affine, (self.cells, blocks), 4,
               self.step, room.counts, work.total, work.spread, self.state, scaled, delta,
               work.normed, self.positions, size, height, width, filters, blocks, state_size,
               self._norm_at, self._stats_at, self.momentum, self.eps, BIAS=self.bias,
               ROUNDED=self.way.precision == "bf16", TAPS=4 * _TAPS)  # fmt: skip
        return scaled, delta

    def _loss(
        self, room: "_Room", work: "_Work", stored: Stored, places: torch.Tensor, found: Parts
    ) -> None:
        """Compute the loss, and the linear layer's gradients."""
        relu, active, _ = found
        launch(kernels.head, (self.cells,), 4,
               self.step, places, room.labels, room.counts, relu, active, stored.centres,
               self.state, self.gradients, room.loss, room.correct, work.pulled, work.summed,
               self.positions, self.spec.label_smoothing, room.batch, self.filters, self.blocks,
               relu.shape[2], self.state.shape[1], self._linear_at, self.classes, ROWS=_ROWS,
               FILTERS=_power(self.filters, FILTERS),
               CLASSES=_power(self.classes, 2))  # fmt: skip

    def _gradients(self, room: "_Room", work: "_Work", patches: torch.Tensor) -> None:
        """Compute the gradients of the convolution and of batch norm."""
        (height, width), filters, blocks = self.way.extent, self.filters, self.blocks
        launch(kernels.through, (self.cells, blocks, -(-self.taps // _TAPS)), 4,
               self.step, room.counts, patches, work.pulled, work.summed, work.weighted,
               room.batch, height, width, filters, blocks, patches.shape[2],
               SEGMENTS=8, TAPS=_TAPS)  # fmt: skip
        launch(kernels.gradient, (self.cells, blocks), 4,
               self.step, room.counts, work.total, work.spread, work.weighted, work.normed,
               work.summed, self.state, self.gradients, self.trainable, self.positions,
               self.moments.shape[1], height, width, filters, self.state.shape[1],
               self._norm_at, BIAS=self.bias, TAPS=4 * _TAPS)  # fmt: skip

    def _update(self, room: "_Room") -> None:
        """Let the optimiser take its step."""
        spec, size = self.spec, self.state.shape[1]
        launch(kernels.update, (self.cells, -(-size // _VALUES)), 4,
               self.step, room.counts, room.rates, self.state, self.gradients, *self.moved,
               self.average, spec.weight_decay, spec.momentum, size, self._stats_at,
               OPTIMIZER=spec.optimizer, AVERAGED=bool(spec.averaging),
               VALUES=_VALUES)  # fmt: skip


class _Work:
    """What the kernels of one step hand to each other, float64; laid out as they say."""

    def __init__(self, group: ProbeGroup, room: "_Room") -> None:
        cells, filters, taps = group.cells, group.filters, group.taps

        def empty(*shape: int) -> torch.Tensor:
            return torch.empty(shape, dtype=torch.float64, device=group.device)

        self.total = empty(cells, group.moments.shape[1])
        self.spread, self.weighted = empty(cells, filters, taps), empty(cells, filters, taps)
        self.normed, self.summed = empty(cells, filters, 2), empty(cells, filters, 2)
        self.pulled = empty(cells * room.batch, filters)


def _power(number: int, least: int) -> int:
    """Return the power of two from ``least`` on that is not below ``number``."""
    return max(least, 1 << (number - 1).bit_length())


class _Room:
    """Room on the device for the steps of a schedule, and what they yield."""

    def __init__(self, like: Schedule, device: torch.device) -> None:
        self.numbers, self.labels = like.numbers.to(device), like.labels.to(device)
        self.counts, self.rates = like.counts.to(device), like.rates.to(device)
        self.loss = torch.zeros(like.counts.shape, dtype=torch.float64, device=device)
        self.correct = torch.zeros(like.counts.shape, dtype=torch.int32, device=device)

    @property
    def steps(self) -> int:
        return self.numbers.shape[0]

    @property
    def batch(self) -> int:
        return self.numbers.shape[2]

    def take(self, schedule: Schedule) -> None:
        """Copy a schedule of at most as many steps to the device."""
        steps = len(schedule.counts)
        self.numbers[:steps], self.labels[:steps] = schedule.numbers, schedule.labels
        self.counts[:steps], self.rates[:steps] = schedule.counts, schedule.rates
