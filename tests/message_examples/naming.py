"""Errors of reading speakers and labels from names, and of starting a study from a folder."""

from pathlib import Path

from ablation.errors.naming import (
    AdjacentPlaces,
    AmbiguousNames,
    AmbiguousPattern,
    Candidate,
    GaveUp,
    InvalidLabelCode,
    InvalidPart,
    LabelsOfOneSpeaker,
    MissingPlace,
    NoAudioBelow,
    NoLabelInNames,
    NoReadableRecording,
    NoRecordingLeft,
    NoRecordings,
    NoSpeakerInNames,
    NoSuchFolder,
    NoSuchNumber,
    NoSuchPart,
    NothingInNames,
    NothingMatches,
    PathNotUtf8,
    ReadingFitsNothing,
    RepeatedLabelCode,
    ReservedLabel,
    SingleLabel,
    SingleSpeaker,
    TargetExists,
    TargetIsFolder,
    UnknownLabelCode,
    UnknownPlace,
    UnmatchedBrace,
    UnsureLabel,
    UnsureSpeaker,
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
    UnsureSpeaker(INNER),
    UnsureLabel(LABEL),
    NoSpeakerInNames(LABEL),
    NoLabelInNames(OUTER),
    NothingInNames(),
    UnmatchedBrace("{speaker/{label}.wav", "{"),
    UnknownPlace("{speker}/{label}.wav", "speker", ("speaker", "label")),
    AdjacentPlaces("{speaker}{label}.wav"),
    MissingPlace("{speaker}/{}.wav", "label"),
    AmbiguousPattern(
        "{}_{speaker}_{label}_{}", "x_03_ben_sad.wav", (("03", "ben"), ("ben", "sad"))
    ),
    InvalidLabelCode("W=angry,neutral", "neutral"),
    RepeatedLabelCode("W=angry,W=neutral", "W", ("angry", "neutral")),
    UnknownLabelCode("anger", ["angry", "neutral"]),
    NoSuchFolder(FOLDER, is_file=False),
    NoSuchFolder(FOLDER, is_file=True),
    NoReadableRecording(FOLDER, 1, "03a01Fa.wav", "the file is empty (0 bytes)"),
    NoReadableRecording(FOLDER, 12, "wav/03a01Fa.wav", "the file is empty (0 bytes)"),
    NoRecordings(FOLDER, []),
    NoRecordings(FOLDER, ["notes.txt", "labels.xlsx"]),
    NoAudioBelow(FOLDER),
    NothingMatches("recordings/*.wav"),
    ReadingFitsNothing("by --pattern '{speaker}-{label}.wav'", "anna/angry/1.wav"),
    NoRecordingLeft(["N", "W"]),
    SingleSpeaker("anna", READING),
    SingleLabel("angry", READING),
    ReservedLabel("test"),
    LabelsOfOneSpeaker({"bored": "anna", "proud": "ben"}, READING),
    TargetIsFolder(Path("emodb.csv")),
    TargetExists(Path("emodb.toml")),
    PathNotUtf8("../aufnahmen\udce4"),
    NoSuchNumber(9, 5),
    GaveUp(),
]
