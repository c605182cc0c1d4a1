"""Errors of corpora and folds."""

from pathlib import Path

from ablation.errors.corpora import (
    ClassWithoutUtterances,
    CorpusRootMissing,
    DuplicateRecording,
    DuplicateRow,
    EmptyCorpus,
    EmptyField,
    InvalidTurn,
    InvalidValue,
    LabelNotInCorpus,
    LongRow,
    MisnamedRecording,
    MisplacedRecording,
    MissingColumn,
    MissingRecording,
    NoLabelUsed,
    NotAnAudioColumn,
    OtherSyntheticCorpus,
    PartNotChosen,
    PointerFile,
    RemoteRecording,
    ReservedClass,
    SingleClass,
    TwoSpeakers,
    UnknownLabel,
    UnreadableFile,
    WrongCorpusRoot,
)
from ablation.errors.folds import (
    ClassNotDrawn,
    ClassNotInTraining,
    ClassOnlyInDevelopment,
    NobodyToDevelopOn,
    NobodyToTrainOn,
    NoPartner,
    OneSpeaker,
    SpeakerOnBothSides,
    TooFewToTrainOn,
    TooManyFolds,
)

ROOT = Path("/data/emodb")
FLAC, WAV = ROOT / "wav/03a01Fa.flac", ROOT / "wav/03a01Fa.wav"
LAYOUT = "wav/03a01Fa.wav and the like"
MANIFEST = Path("/data/own/manifest.csv")
TABLE = (
    "a CSV or parquet file with the columns file, speaker, label and optional start, end, id, "
    "partner"
)
RAVDESS = Path("/data/ravdess/Actor_02/03-01-05-01-02-02-01.wav")
TESS = Path("/data/tess/OAF_angry/OAF_back_angry.wav")
SYNTHETIC, MADE = Path("/data/synthetic"), "a folder made by ablate corpus synthesize"
SAVED = Path("/data/saved")
HEADER = Path("/data/db/db.yaml")
TURNS = "/data/iemocap/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt, line 3"

EXAMPLES = [
    CorpusRootMissing("emodb", LAYOUT),
    CorpusRootMissing("manifest", TABLE),
    WrongCorpusRoot("emodb", ROOT, "does not exist", LAYOUT),
    WrongCorpusRoot("manifest", MANIFEST, "does not exist", TABLE),
    WrongCorpusRoot("emodb", Path("corpora\\emodb"), "does not exist", LAYOUT),
    WrongCorpusRoot("synthetic", SYNTHETIC, "does not exist", MADE),
    WrongCorpusRoot("emodb", WAV, "is not a folder", LAYOUT),
    WrongCorpusRoot("synthetic", MANIFEST, "is not a folder", MADE),
    WrongCorpusRoot("manifest", MANIFEST.parent, "is a folder, not a file", TABLE),
    WrongCorpusRoot("audformat", HEADER.parent, "holds no db.yaml", "db.yaml, db.TABLE.csv"),
    WrongCorpusRoot("synthetic", SYNTHETIC, "holds no manifest.csv", MADE),
    OtherSyntheticCorpus(SYNTHETIC),
    EmptyCorpus("emodb", ROOT, LAYOUT),
    UnreadableFile(WAV, "Permission denied"),
    MissingRecording(WAV),
    MissingRecording(WAV, TURNS),
    MissingRecording(WAV, f"{MANIFEST}, row 5", "03a01Wa.wav"),
    MissingRecording(Path("wav\\a.wav"), f"{MANIFEST}, row 5", "wav/a.wav"),
    RemoteRecording(f"{SAVED}, row 2", "https://example.org/03a01Fa.wav"),
    MisnamedRecording(
        ROOT / "wav/happy.wav",
        "EmoDB",
        "03a01Fa.wav (speaker, text, emotion of W L E A F T N, version)",
    ),
    MisplacedRecording(RAVDESS, "actor 01"),
    MisplacedRecording(TESS.with_name("YAF_back_sad.wav"), "speaker YAF, emotion sad"),
    DuplicateRecording(WAV, FLAC, "are one recording in two formats"),
    DuplicateRecording(
        TESS.parent / "more" / TESS.name, TESS, "have one name, but their contents differ"
    ),
    DuplicateRecording(WAV, ROOT / "03a01Fa.wav", "have the same utterance id '03a01Fa'"),
    PointerFile(Path("/data/crema_d/AudioWAV/1001_DFA_ANG_XX.wav")),
    LabelNotInCorpus("[corpus.labels]", "clam", ["calm", "tense"]),
    LabelNotInCorpus("--labels", "anger", ["angry", "neutral"]),
    UnknownLabel(f"{MANIFEST}, row 5", "clam", ["calm", "tense"]),
    UnknownLabel(f"{MANIFEST}, row 5", "clam", ["calm", "tense"], 2),
    NoLabelUsed("manifest", ["calm", "tense"]),
    ClassWithoutUtterances("emodb", ROOT, "sad"),
    SingleClass("manifest", "calm"),
    ReservedClass("test", 'test = "tested" in [corpus.labels]'),
    ReservedClass("test", "--labels test=tested"),
    EmptyField(f"{MANIFEST}, row 5", "label"),
    InvalidValue("/data/own/manifest.parquet, row 1", "speaker", ["a"], "text or a number"),
    InvalidValue(f"{MANIFEST}, row 5", "start", "soon", "a time of at least 0 seconds"),
    InvalidValue(f"{MANIFEST}, row 5", "end", 1.5, "after start = 2"),
    InvalidValue(f"{MANIFEST}, row 5", "file", str(ROOT / "wav"), "a recording, not a folder"),
    DuplicateRow(f"{MANIFEST}, row 8", "03a01Fa.wav", f"{MANIFEST}, row 2"),
    LongRow(f"{MANIFEST}, row 5", 4, 3).with_others(["also row 7: 5 fields instead of 3"]),
    MissingColumn(MANIFEST, "label", ["file", "speaker", "emotion"]),
    UnreadableFile(MANIFEST, "No columns to parse from file", "manifest"),
    UnreadableFile(MANIFEST, "'utf-8' codec can't decode byte 0xfc in position 26", "encoding"),
    UnreadableFile(SAVED, "Expecting property name enclosed in double quotes", "dataset"),
    UnreadableFile(HEADER, "while parsing a flow sequence", "header"),
    UnreadableFile(HEADER, "table labels: Length mismatch", "table"),
    InvalidTurn(TURNS, "[6.2901 - 8.2357]\tSes01F_impro01_F000\tjoy", ["ang", "hap", "neu", "sad"]),
    PartNotChosen(HEADER, "table", ["files", "labels"], "emotion"),
    PartNotChosen(SAVED, "split", ["test", "train"]),
    NotAnAudioColumn(SAVED, "speaker"),
    TwoSpeakers(HEADER, "audio/a_sad.wav", ["a", "b"], ["files", "people"]),
    OneSpeaker("manifest", "a"),
    TooManyFolds("ravdess", 30, 24),
    NobodyToTrainOn(2),
    SpeakerOnBothSides("03", ["03"]),
    ClassNotInTraining("03", ["sad"], ["03"], ["angry", "happy", "sad"]),
    NoPartner("emodb", "03", ["03"]),
    TooFewToTrainOn("training.speakers", 12, "03", 9),
    ClassNotDrawn("03", 1, 0, ["08"], ["sad", "angry"]),
    NobodyToDevelopOn("manifest", 2),
    ClassOnlyInDevelopment("03", ["sad"], ["08"]),
]
