"""Errors of reading speakers and labels from names, and of starting a study from a folder."""

from pathlib import Path

from ablation.errors.naming import (
    AmbiguousNames,
    AmbiguousPattern,
    Candidate,
    GaveUp,
    InvalidPart,
    InvalidPattern,
    LabelsOfOneSpeaker,
    NoLabelInNames,
    NoReadableRecording,
    NoRecordingLeft,
    NoRecordings,
    NoSpeakerInNames,
    NoSuchFolder,
    NoSuchPart,
    NothingMatches,
    OnlyOne,
    ReadingFitsNothing,
    TargetExists,
    UnsurePart,
)

FOLDER = Path("recordings")
READING = "speaker folder:1, label folder:2"
OUTER = Candidate("speaker", "folder:1", ("anna", "ben"))
INNER = Candidate("speaker", "field:3", ("01", "02", "03"))
PERSON = Candidate("speaker", "folder:1/field:1: ", ("Kim, Lee", "Mo"))
LABEL = Candidate("label", "field:2", ("angry", "happy", "neutral", "sad"))

EXAMPLES = [
    InvalidPart("--label", "field:x"),
    InvalidPart("answer", "nine"),
    NoSuchPart("--speaker", "folder:3"),
    AmbiguousNames([[OUTER], [INNER]], 2),
    AmbiguousNames([[PERSON, LABEL], [INNER, LABEL], [OUTER, LABEL]], 5),
    UnsurePart(INNER),
    UnsurePart(LABEL),
    NoSpeakerInNames(LABEL),
    NoLabelInNames(OUTER),
    NoLabelInNames(),
    InvalidPattern("{speaker/{label}.wav", "unmatched {"),
    InvalidPattern("{speker}/{label}.wav", "unknown placeholder {speker}"),
    AmbiguousPattern(
        "{}_{speaker}_{label}_{}", "x_03_ben_sad.wav", (("03", "ben"), ("ben", "sad"))
    ),
    NoSuchFolder(FOLDER, is_file=False),
    NoSuchFolder(FOLDER, is_file=True),
    NoReadableRecording(FOLDER, 1, "03a01Fa.wav", "the file is empty (0 bytes)"),
    NoReadableRecording(FOLDER, 12, "wav/03a01Fa.wav", "the file is empty (0 bytes)"),
    NoRecordings(FOLDER, []),
    NoRecordings(FOLDER, ["notes.txt", "labels.xlsx"]),
    NothingMatches("recordings/*.wav"),
    ReadingFitsNothing("by --pattern '{speaker}-{label}.wav'", "anna/angry/1.wav"),
    NoRecordingLeft(["N", "W"]),
    OnlyOne("speaker", "anna", READING),
    OnlyOne("label", "angry", READING),
    LabelsOfOneSpeaker({"bored": "anna", "proud": "ben"}, READING),
    TargetExists(Path("emodb.toml")),
    GaveUp(),
]
