"""Study files, ``--set`` and the options that stand for a study's fields.

What a study's own rules say is asked of them: they are the other half of these texts.
"""

from pathlib import Path
from typing import Any

from ablation.corpora import KINDS
from ablation.corpora.base import parse_options
from ablation.errors import StudyError
from ablation.errors.studies import (
    FixedByProbes,
    InvalidShape,
    NoiseFolderUnusable,
    NoMatchedShape,
    NotUtf8,
    NoValues,
    SameSettings,
    StudyNotFound,
    UnknownAxis,
    UnreadableStudy,
)
from ablation.runs.network_plan import CHANGEABLE
from ablation.study import parse_study


def refused(**tables: Any) -> StudyError:
    try:
        parse_study(tables, "mine.toml")
    except StudyError as error:
        return error
    raise LookupError(f"nothing is wrong with {tables}")


def refused_option(corpus: str, **options: Any) -> StudyError:
    try:
        parse_options(KINDS[corpus].options, corpus, options)
    except StudyError as error:
        return error
    raise LookupError(f"nothing is wrong with {options}")


EXAMPLES = [
    StudyNotFound(Path("emodbb"), "emodb", ["demo", "emodb", "paper"]),
    StudyNotFound(Path("x/y.toml"), "", ["demo", "emodb", "paper"]),
    UnreadableStudy(Path("mine.toml"), "Permission denied"),
    UnreadableStudy(Path("mine.toml"), "not valid TOML: Expected '=' after a key"),
    UnreadableStudy(Path("mine.toml"), "not valid TOML: Unescaped '\\' in a string"),
    NotUtf8("--set", "name=\udcff"),
    NotUtf8("path of the recordings", "../aufnahmen\udce4"),
    InvalidShape("--shapes", "10"),
    InvalidShape("", "10x"),
    NoMatchedShape("401x301", 400, 200),
    NoMatchedShape("401x301", 64, 200, "bands"),
    NoiseFolderUnusable(Path("noises"), "there is no recording in it"),
    NoiseFolderUnusable(Path("noises"), "No such file or directory"),
    FixedByProbes("--set training.epochs=5", "with other settings", CHANGEABLE),
    FixedByProbes("--corpus ravdess", "on emodb", CHANGEABLE),
    refused(trainin={}),
    refused(training={"epohcs": 5}),
    refused(training=5),
    refused(training={"epochs": 0}),
    refused(training={"epochs": "five"}),
    refused(training={"learning_rate": float("nan")}),
    refused(training={"epochs": 5, "steps": 5}),
    refused(training={"epochs": None}),
    refused(features={"window": "box"}),
    refused(features={"window_ms": 500}),
    refused(features={"window_ms": 0.01}),
    refused(features={"hop_ms": 0.01}),
    refused(features={"max_hz": 9000}),
    refused(features={"max_hz": 1}),
    refused(features={"segment_s": 0.001}),
    refused(features={"kind": "mell"}),
    refused(features={"kind": "mel", "mel_bands": 800}),
    refused(features={"kind": "mel", "min_hz": 5000}),
    refused(features={"kind": "mfcc", "coefficients": 65}),
    refused(features={"kind": "mfcc", "scale": "power"}),
    refused(features={"kind": "mfcc", "normalise": "max"}),
    refused(features={"snr_db": "loud"}),
    refused(probe={"precision": "bf16", "engine": "reference"}),
    refused(grid={"heights": []}),
    refused(network={"pools": [9]}),
    refused(network={"conv1": ["10"]}),
    refused(search={"objective": ["f1"]}),
    refused(search={"objective": ["wa", "params"], "prune": True}),
    refused(cluster={"address": "tcp://head:8786", "system": "slurm"}),
    refused(cluster={"processes": 4}),
    UnknownAxis("--axis", "window", ["height", "width", "features.window_ms", "features.window"]),
    UnknownAxis("--axis", "colour", ["height", "width"]),
    NoValues("probe.filters"),
    SameSettings(["features.noise"], "pink", "white"),
    refused(corpus={"options": {"table": []}}),
    refused(corpus={"options": {"seed": 2**63}}),
    refused(corpus={"root": "/data/\udcff"}),
    refused_option("iemocap", dialogue="both"),
    refused_option("iemocap", dialogues="both"),
    refused_option("emodb", dialogues="both"),
    refused_option("synthetic", kind="planted", extent=1300),
]
