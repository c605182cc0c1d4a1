"""Where a study's numbers come from: the facts of its runs, and the commands that repeat them."""

import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from ablation.analysis.evidence import Evidence
from ablation.analysis.networks import StoredNetwork
from ablation.analysis.study_results import StudyResults
from ablation.errors import counted
from ablation.reports.sections.table1 import table1_rows
from ablation.results.axes_record import AxesRequest
from ablation.results.run_record import SEARCH, Request, RunRecord, as_study
from ablation.study import AXES, shapes_text
from ablation.study.baselines import CONTROLS
from ablation.study.extents import noise_text, rows_text
from ablation.study.field_axes import value_text


def facts(evidence: Evidence, networks: Sequence[StoredNetwork]) -> list[tuple[str, str]]:
    """Return pairs of a name and a value: settings, corpus, training, versions, time."""
    run, stored = evidence.run, evidence.stored
    features, training = run.study.features, run.study.training
    budget = (
        counted(training.steps, "step")
        if training.steps is not None
        else counted(training.epochs or 0, "epoch")  # a study has one of the two
    )
    rows, noise = [stored.probes, stored.networks], noise_text(features)

    def seen(column: str) -> str:
        values = {str(value) for part in rows for value in part[column].dropna()}
        return ", ".join(sorted(values)) or "nothing stored"

    return [
        ("study", run.study.name),
        ("settings", f"{run.digest} (studies/{run.digest}.toml)"),
        ("last run", f"{run.last_run:%Y-%m-%d %H:%M} UTC"),
        ("corpus", run.study.corpus.name),
        ("corpus fingerprint", run.fingerprint or "not recorded by the version that ran it"),
        ("folds", ", ".join(run.folds)),
        ("seeds", ", ".join(map(str, sorted(run.seeds())))),
        (
            "spectrogram" if features.kind == "linear" else "features",
            f"{rows_text(features)} x "
            f"{counted(features.width, 'frame')} of {features.hop_ms:g} ms, window "
            f"{features.window_ms:g} ms, normalised by {features.scope}",
        ),
        *_own_model(run),
        *([("noise", f"{noise}, in training and testing")] if noise else []),
        (
            "probe training",
            f"{training.optimizer}, {budget}, batch size {training.batch_size}, learning rate "
            f"{training.learning_rate:g} ({training.schedule})",
        ),
        ("engine", seen("engine")),
        ("device", seen("device")),
        ("threads per cell", seen("threads")),
        ("trained with ablation", seen("version")),
        ("reported with", f"Python {platform.python_version()}, {_versions()}"),
        ("probe cells", f"{len(stored.probes)} finished, {len(stored.failed)} failed"),
        ("networks", f"{len(networks)} stored"),
        (
            "training time (one worker)",
            f"{_hours(stored.probes):.2f} h probes, {_hours(stored.networks):.2f} h networks",
        ),
    ]


def _own_model(run: RunRecord) -> list[tuple[str, str]]:
    """Return the fact of which model of the user's own was trained in place of the probe."""
    probe = run.study.probe
    if probe.factory is None:
        return []
    options = "".join(f", {name} = {value!r}" for name, value in probe.options.items())
    return [("model in place of the probe", f"{probe.factory}{options} (source {run.code})")]


def _hours(rows: pd.DataFrame) -> float:
    """Return the hours that training the cells took, summed over workers."""
    return float(rows["train_seconds"].sum()) / 3600


def _versions() -> str:
    packages = ("ablation", "torch", "numpy", "scipy", "pandas")
    return ", ".join(f"{name} {version(name)}" for name in packages)


def commands(
    results: Path, figures: Path, stored: StudyResults, networks: Sequence[StoredNetwork]
) -> list[str]:
    """Return the command lines that make the study anew, quoted for a shell."""
    run = stored.run
    study, folder = as_study(results, run), ""
    if results != Path("results"):  # the commands' default
        folder = f" --results {shlex.quote(str(results))}"
    drawn = "" if figures == Path("figures") else f" --figures {shlex.quote(str(figures))}"
    lines = ["# the file named by --study has every setting of the probes or of the network"]
    lines += [
        f"ablate {_asked(request)} {study}{folder}"
        for request in run.requests
        if request.axis not in ("none", "nested", *(",".join(a.axes) for a in run.axes))
    ]
    lines += [f"ablate {_over_axes(request)} {study}{folder}" for request in run.axes]
    promoted = {}
    for network in networks:
        if network.complete and network.pooling:
            seeds = sorted(network.tallied["seed"].unique().tolist())
            kept = f"{results}/{run.study.name}/studies/networks/{network.digest}.toml"
            words = ["ablate", "promote", "--shapes", network.shapes, "--pooling", network.pooling]
            words += ["--seeds", ",".join(map(str, seeds)), "--study", kept]
            promoted[network.digest] = shlex.join(words) + folder
    lines += promoted.values()
    if any(", nested" in row.name for row in table1_rows(stored, networks)):
        lines.append("# nested rows of Table 1: the same with --best --nested instead of --shapes")
    lines += [f"ablate {command} {study}{folder}{drawn}" for command in ("plot", "report")]
    return lines


def _over_axes(request: AxesRequest) -> str:
    """Return the command that asks for the same axes again, quoted for a shell."""
    words = ["grid"]
    for axis, levels in zip(request.axes, request.levels(), strict=True):
        words += ["--axis", axis, "--values", ",".join(map(value_text, levels))]
    return shlex.join([*words, "--seeds", ",".join(map(str, request.seeds))])


def _asked(request: Request) -> str:
    """Return the command and options that ask for the same again, quoted for a shell."""
    if request.axis == SEARCH:  # whose own options are stored as they are typed
        seeds = ",".join(map(str, request.seeds))
        return f"search --trials {request.trials} {request.options} --seeds {seeds}"
    return shlex.join(["grid", *_grid_options(request)])


def _grid_options(request: Request) -> list[str]:
    windows = ",".join(_shortest(window) for window in request.windows)
    rest = ["--windows", windows, "--seeds", ",".join(map(str, request.seeds))]
    if request.axis in CONTROLS:
        return ["--control", request.axis]
    # Which shapes of "both" lie on which axis is for the grid to say; named one by one they are
    # the same cells.
    if request.axis not in (*AXES, "product"):
        return ["--shapes", shapes_text(request.shapes), *rest]
    tall, wide = (
        ",".join(map(str, sorted(extents)))
        for extents in ({s.height for s in request.shapes}, {s.width for s in request.shapes})
    )
    values = {
        "height": ["--values", tall],
        "width": ["--values", wide],
        "product": ["--set", f"grid.heights=[{tall}]", "--set", f"grid.widths=[{wide}]"],
    }[request.axis]
    return ["--axis", request.axis, *values, *rest]


def _shortest(number: float) -> str:
    """Return the shortest text that is read as the same number: "40", "23.219955"."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)
