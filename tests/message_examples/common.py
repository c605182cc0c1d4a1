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
    UnknownName("corpus", "x", ["emodb", "ravdess"]),
    InvalidOption("--shard", "3/2", "I/N with I from 0 to N - 1", "0/4"),
    InvalidOption("--values", "x", "comma-separated whole numbers from 1 on"),
    OptionRequires("--json", "--dry-run"),
    OptionsExclude(["--axis", "--shapes"]),
    OptionMissing("shapes", ["--axis", "--shapes", "--matched"]),
    MissingPackage("corpus audformat", "audformat", "audformat"),
]
