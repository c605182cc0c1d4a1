"""The state of a training at the end of an epoch, on disk, so that a killed training can resume.

It is one safetensors file: the tensors of the model, the optimiser and the averaged weights, with
the records of the epochs in its header. A file that is incomplete, or of another training, is
ignored: the training then starts from the beginning and ends with the same weights.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from ablation.errors import StorageError
from ablation.files import atomic_write


@dataclass(frozen=True)
class EpochRecord:
    """An epoch's last learning rate, and the loss and accuracy (0..1) over its segments.

    ``development_ua`` is the UA (0..1) of the development speakers after it, if there are any.
    """

    epoch: int
    lr: float
    train_loss: float
    train_wa: float
    development_ua: float | None = None


@dataclass(frozen=True)
class Checkpoint:
    """The file of one training; ``identity`` names everything that can change a bit of it."""

    path: Path
    identity: str

    def save(
        self,
        models: dict[str, nn.Module],
        optimizer: torch.optim.Optimizer,
        records: Sequence[EpochRecord],
        asked: Mapping[int, Sequence[int]],
    ) -> None:
        """Write the state after ``records[-1]`` over that of the epoch before.

        ``asked`` has what the model answered partway
        (:class:`~ablation.training.partway.Partway`).

        A disk that cannot be written is no reason to stop: storing the finished cell's row will
        report it.
        """
        tensors = {
            f"{name}.{key}": tensor
            for name, model in models.items()
            for key, tensor in model.state_dict().items()
        }
        for number, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": value for key, value in state.items()}
        header = {
            "identity": self.identity,
            "records": json.dumps([asdict(record) for record in records]),
            "partway": json.dumps(list(asked.items())),
        }
        stored = {
            key: value.detach().cpu().contiguous()
            for key, value in tensors.items()
            if value is not None
        }
        content = safetensors.torch.save(stored, header)
        with suppress(StorageError), atomic_write(self.path, durable=False) as file:
            file.write(content)

    def load(
        self,
        models: dict[str, nn.Module],
        optimizer: torch.optim.Optimizer,
        asked: dict[int, list[int]],
    ) -> list[EpochRecord]:
        """Restore ``models``, ``optimizer`` and ``asked``; return the epochs trained so far.

        Without a usable file, return an empty list and change nothing.
        """
        try:
            with safe_open(self.path, "pt") as file:
                header = file.metadata() or {}
                if header.get("identity") != self.identity:
                    return []
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            return []
        for name, model in models.items():
            model.load_state_dict(_below(tensors, name))
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in _below(tensors, "optimizer").items():
            number, _, field = key.partition(".")
            states.setdefault(int(number), {})[field] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": states, "param_groups": groups})
        for parameter, state in optimizer.state.items():
            for key, value in state.items():
                # Fused optimisers need it in the memory layout of the parameter.
                if key != "step" and value.shape == parameter.shape:
                    state[key] = torch.empty_like(parameter).copy_(value)
        asked |= {int(step): classes for step, classes in json.loads(header.get("partway", "[]"))}
        return [EpochRecord(**record) for record in json.loads(header["records"])]


def _below(tensors: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {
        key.removeprefix(f"{name}."): tensor
        for key, tensor in tensors.items()
        if key.startswith(f"{name}.")
    }
