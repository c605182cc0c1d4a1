"""Errors about saved networks, about networks of the user's own, and about what they are given."""

from pathlib import Path

from ablation.errors.networks import (
    DamagedNetwork,
    FactoryChanged,
    FactoryFailed,
    FactoryModuleMissing,
    FactoryNotGiven,
    FactorySignature,
    ModelChanged,
    NetworkChanged,
    NoFinalNetwork,
    NoMap,
    NoNetwork,
    NotOfOwnModel,
    NotTranslated,
    OnnxDiffers,
    ShorterThanASegment,
    TooLongToExplain,
    UnusableNetwork,
    WeightsMisfit,
)

NETWORKS = Path("results/emodb/networks")
FOLDER = NETWORKS / "attention-10x2+2x8-seed0-03-1f0c2a9b3d4e"
RECORD, WEIGHTS = FOLDER / "network.json", FOLDER / "network.safetensors"
WAV = Path("emodb/wav/03a01Fa.wav")

EXAMPLES = [
    NoNetwork(Path("results/emodb")),
    NoFinalNetwork(NETWORKS),
    NoFinalNetwork(NETWORKS, "1f0c2a"),
    DamagedNetwork(RECORD, "not valid JSON (Expecting value: line 1 column 1 (char 0))"),
    DamagedNetwork(RECORD, "list should have at least 2 items, not 1", "classes"),
    DamagedNetwork(WEIGHTS, "damaged (Error while deserializing header: header too large)"),
    NetworkChanged(RECORD),
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
    NoMap("mynet:build"),
    NotTranslated("GAP"),
    OnnxDiffers(0.0123, 1e-5),
    FactoryModuleMissing("mynte:build", "mynte", Path("/home/ada/study")),
    FactoryFailed(
        "mynet:build", "factory", "ZeroDivisionError", "division by zero", "/home/ada/mynet.py", 9
    ),
    FactoryFailed(
        "mynet:build", "network", "RuntimeError", "kernel size too large", "mynet.py", 9, "80x2"
    ),
    UnusableNetwork("mynet:build", "the network has no parameters to train"),
    UnusableNetwork(
        "mynet:build",
        "the factory returned None, not a torch.nn.Module",
        "10x2,2x8",
        "/home/ada/mynet.py, line 4",
    ),
    FactorySignature("mynet:build", "(height, width, classes)"),
    FactoryNotGiven("__main__:Net"),
    ModelChanged("mynet:build", "1f0c2a9b3d4e"),
    NotOfOwnModel("mynet:build", "search.filters"),
]
