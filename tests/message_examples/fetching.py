"""Errors of fetching a corpus."""

from pathlib import Path

from ablation.errors.fetching import (
    BadArchive,
    CorpusNotInArchive,
    FetchRunning,
    InvalidTarget,
    LicenceDeclined,
    LicenceRequired,
    NotFetchable,
    TargetIncomplete,
    TargetMissing,
    TargetNotEmpty,
    Unreachable,
    WrongChecksum,
)

EMODB = "https://zenodo.org/records/7447302/files/emodb.zip?download=1"
TARGET = Path("/data/corpora/emodb")
ARCHIVE = "file:///data/emodb.zip"
LAYOUT = "wav/03a01Fa.wav and so on: speaker, text, emotion, version"

EXAMPLES = [
    NotFetchable("manifest", "a CSV of your own recordings", ["emodb", "ravdess", "tess"]),
    TargetMissing("emodb"),
    InvalidTarget(Path("/")),
    TargetNotEmpty(TARGET, "emodb"),
    TargetNotEmpty(TARGET, "emodb", "wav/song.wav is not named like 03a01Fa.wav"),
    TargetIncomplete(TARGET, 530, 535),
    FetchRunning(TARGET),
    LicenceRequired("https://doi.org/10.5281/zenodo.7447302"),
    LicenceDeclined("emodb"),
    Unreachable(EMODB, "the server answered 404 Not Found"),
    WrongChecksum(EMODB, "md5:9d21362dbc5676ef3ab4745d83ced0db"),
    BadArchive(ARCHIVE, "not a complete ZIP archive (File is not a zip file)"),
    BadArchive(ARCHIVE, "'03a01Fa.wav' is compressed by Deflate64"),
    BadArchive(ARCHIVE, "'../03a01Fa.wav' leads out of the folder"),
    CorpusNotInArchive(ARCHIVE, "emodb", LAYOUT),
    CorpusNotInArchive(ARCHIVE, "emodb", LAYOUT, "wav/song.wav is not named like 03a01Fa.wav"),
]
