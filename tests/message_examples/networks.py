"""Errors about saved networks, about networks of the user's own, and about what they are given."""

from pathlib import Path

from ablation.errors.networks import (
    DamagedWeights,
    FactoryChanged,
    FactoryFailed,
    FactoryModuleMissing,
    InvalidRecord,
    NewerNetwork,
    NoFinalNetwork,
    NoNetwork,
    NotAModule,
    NothingToTrain,
    NotTranslated,
    OnnxDiffers,
    RecordChanged,
    RecordNotJson,
    ShorterThanASegment,
    TooLongToExplain,
    UnknownFactory,
    UnknownFigureFormat,
    WeightsChanged,
    WeightsMisfit,
    WrongOutput,
)

NETWORKS = Path("results/emodb/networks")
FOLDER = NETWORKS / "attention-10x2+2x8-seed0-03-1f0c2a9b3d4e"
RECORD, WEIGHTS = FOLDER / "network.json", FOLDER / "network.safetensors"
WAV = Path("emodb/wav/03a01Fa.wav")

EXAMPLES = [
    NoNetwork(Path("results/emodb")),
    NoFinalNetwork(NETWORKS),
    NoFinalNetwork(NETWORKS, "1f0c2a"),
    NewerNetwork(RECORD, 2, 1),
    RecordNotJson(RECORD, "Expecting value: line 1 column 1 (char 0)"),
    RecordNotJson(RECORD),
    InvalidRecord(RECORD, "classes", "list should have at least 2 items after validation, not 1"),
    InvalidRecord(RECORD, "", "unknown pooling 'mean'"),
    RecordChanged(RECORD),
    WeightsChanged(WEIGHTS),
    DamagedWeights(WEIGHTS, "Error while deserializing header: header too large"),
    WeightsMisfit(
        WEIGHTS,
        ["pooling.top_down.bias"],
        [],
        {"pooling.top_down.weight": ((3, 4, 1, 1), (2, 4, 1, 1))},
    ),
    WeightsMisfit(WEIGHTS, [], ["a.bias", "a.weight", "b.weight"], {}),
    FactoryChanged(FOLDER, "mynet:build"),
    TooLongToExplain(WAV, 74.3, 60.0),
    ShorterThanASegment(WAV, 2.0),
    UnknownFigureFormat("--output 03a01Fa.gif", "gif", ("png", "pdf", "svg")),
    NotTranslated("GAP"),
    OnnxDiffers(0.0123, 1e-5),
    FactoryModuleMissing("mynte:build", "mynte", Path("/home/ada/study")),
    UnknownFactory("--network mynet:biuld", "biuld", ["Mine", "build"], "mynet"),
    UnknownFactory("--network mynet:build", "build", [], "mynet"),
    FactoryFailed(
        "mynet:build", "factory", "ZeroDivisionError", "division by zero", "/home/ada/mynet.py", 9
    ),
    NotAModule("mynet:build", "NoneType"),
    NothingToTrain("mynet:build"),
    WrongOutput("mynet:build", (400, 200), (2, 9), (2, 4)),
    WrongOutput("mynet:build", (400, 200), "tuple", (2, 4)),
]
