"""Errors of reading speakers and labels from names, and of starting a study from a folder."""

from pathlib import Path

from ablation.errors.naming import (
    AmbiguousNames,
    AmbiguousPattern,
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
    Way,
)

FOLDER = Path("recordings")
READING = "speaker folder:1, label folder:2"
FILES = ("angry_qa_1.wav", "happy_rb_2.wav")
PERSON = Way("field:2", "field:1", ((FILES[0], "qa", "angry"), (FILES[1], "rb", "happy")))
TAKE = Way("field:3", "field:1", ((FILES[0], "1", "angry"), (FILES[1], "2", "happy")))


EXAMPLES = [
    InvalidPart("--label", "field:x"),
    InvalidPart("answer", "nine"),
    NoSuchPart("--speaker", "folder:3"),
    AmbiguousNames(Path("my own"), [PERSON, TAKE], ["field:2 (qa, rb)", "field:3 (1, 2)"]),
    AmbiguousNames(FOLDER, [TAKE]),
    NoSpeakerInNames("field:2", ["angry", "happy", "neutral", "sad"]),
    NoLabelInNames("folder:1", ["anna", "ben"]),
    NoLabelInNames(),
    NoLabelInNames(how="these are recordings of IEMOCAP"),
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
    LabelsOfOneSpeaker({"angy": "anna"}, READING, {"angy": "angry"}),
    TargetExists(Path("emodb.toml")),
    GaveUp(),
]
