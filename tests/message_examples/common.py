"""Errors that any part of the package may raise."""

from ablation.errors.common import (
    InvalidOption,
    MissingPackage,
    OptionMissing,
    OptionRequires,
    OptionsExclude,
    UnknownName,
)

EXAMPLES = [
    UnknownName("--metric", "brigth", ["wa", "ua", "bright", "dark"]),
    UnknownName("corpus", "emobd", ["crema_d", "emodb", "iemocap", "ravdess"]),
    UnknownName("corpus emodb", "fuor", ["all", "four"], "label map"),
    UnknownName("corpus manifest", "four", [], "label map", "give a table: [corpus.labels]"),
    UnknownName("/data/db/db.yaml, corpus.options.table", "label", ["files", "labels"], "table"),
    UnknownName("/data/saved, corpus.options.split", "train", [], "split"),
    UnknownName("execution.devices", "cuda:7", ["cuda:0", "cuda:1", "auto"], "device"),
    UnknownName("--network mynet:biuld", "biuld", ["Mine", "build"], "function or class"),
    UnknownName("--output 03a01Fa.gif", "gif", ("png", "pdf", "svg"), "figure format"),
    InvalidOption("--shard", "3/2", "I/N with I from 0 to N - 1", "0/4"),
    InvalidOption("--values", "x", "comma-separated whole numbers from 1 on"),
    InvalidOption("--cluster", "login1:8786", "tcp://host:port", "tcp://host:8786"),
    InvalidOption("answer", 9, "a number from 1 to 5"),
    OptionRequires("--json", "--dry-run"),
    OptionsExclude(["--axis", "--shapes"]),
    OptionsExclude(["execution.devices auto", "cpu"]),
    OptionMissing("shapes", ["--axis", "--shapes", "--matched"]),
    OptionMissing("shapes to promote", ["--best", "--shapes", "network.conv1 in the study"]),
    MissingPackage("corpus audformat", "audformat", "audformat"),
]
