"""Errors of reading what is stored: curves, comparisons, contrasts, figures and chosen shapes."""

from pathlib import Path

from ablation.errors.reading import (
    ContrastOfOtherSettings,
    ContrastUntested,
    NobodySpoke,
    NoCompleteAxis,
    NoCompleteShape,
    NoProbes,
    NoProbesWith,
    NoReference,
    OtherContrast,
    PlateauAtStart,
    ReferenceIsChoice,
    ReferenceNotComplete,
    ReferenceOffAxes,
    ReferencesShareAxis,
    SameRecordings,
    SameStudy,
    SeveralStored,
    SpeakersDiffer,
    TooFewSpeakers,
    TooManyPairs,
    UnitsDiffer,
    UnreadableContrast,
)

CONTRAST = Path("results/emodb/contrasts/ravdess-height-best-wa.json")

EXAMPLES = [
    NoCompleteShape(),
    NoCompleteAxis("emodb", "01a7ab6b665f"),
    NoCompleteAxis("emodb", "01a7ab6b665f", "width", ["4601960d948d (last run 2026-11-24 09:12)"]),
    NoProbes(),
    NoProbesWith("digest", "ffff", ["01a7ab6b665f", "4601960d948d"]),
    SeveralStored("window_ms", [20.0, 40.0, 80.0]),
    NobodySpoke("--metric", "sad"),
    ReferenceOffAxes("3x3", 2, 2),
    ReferencesShareAxis("height", ["10x2", "20x2"]),
    ReferenceNotComplete("--reference", "12x2", ["2x2", "10x2", "20x2"]),
    NoReference(["2x2", "14x2", "20x2"]),
    TooManyPairs(64, 40),
    SameStudy("emodb"),
    SameRecordings(["emodb", "emodb-copy"]),
    UnitsDiffer(("emodb", "ravdess"), (10.0, 20.0), (10.0, 10.0)),
    TooFewSpeakers("pilot", 1),
    ReferenceIsChoice("best", "10x2"),
    PlateauAtStart("height", "2x2"),
    UnreadableContrast(CONTRAST, "1 validation error for Contrast"),
    OtherContrast(CONTRAST, ("emodb", "iemocap"), ("emodb", "ravdess")),
    ContrastOfOtherSettings(CONTRAST, "01a7ab6b665f", "77aa01b2c3d4"),
    UnreadableContrast(CONTRAST, "it was edited"),
    ContrastUntested(CONTRAST, ("80x2", "10x2"), "ravdess", "4601960d948d", ["80x2"]),
    ContrastUntested(CONTRAST, ("80x2", "10x2"), "ravdess", "", ["80x2", "10x2"]),
    SpeakersDiffer("ravdess", ["80x2", "10x2"]),
]
