"""Errors of fetching a corpus."""

from pathlib import Path

from ablation.errors.fetching import (
    ArchiveTooLarge,
    ConflictingNames,
    CorpusNotInArchive,
    DamagedArchive,
    DownloadFailed,
    FetchRunning,
    FileTooLarge,
    InvalidAddress,
    InvalidTarget,
    LicenceDeclined,
    LicenceRequired,
    NotFetchable,
    ServerRefused,
    TargetIncomplete,
    TargetIsFile,
    TargetMissing,
    TargetNotEmpty,
    Unreachable,
    UnsafeMember,
    WrongChecksum,
    WrongRecording,
)

EMODB = "https://zenodo.org/records/7447302/files/emodb.zip?download=1"
TARGET = Path("/data/corpora/emodb")
ARCHIVE = "5ae1d0f3c2b7.zip"
CREMA_D = "https://gitlab.com/cs-cooper-lab/crema-d-mirror/-/raw/main/AudioWAV/1001_DFA_ANG_XX.wav"
LAYOUT = "wav/03a01Fa.wav and so on: speaker, text, emotion, version"

EXAMPLES = [
    NotFetchable("manifest", "a CSV of your own recordings", ["emodb", "ravdess", "tess"]),
    TargetMissing("emodb"),
    InvalidTarget(Path("/")),
    TargetIsFile(TARGET),
    TargetNotEmpty(TARGET, "emodb"),
    TargetNotEmpty(TARGET, "emodb", "wav/song.wav is not named like 03a01Fa.wav"),
    TargetIncomplete(TARGET, 530, 535),
    FetchRunning(TARGET),
    LicenceRequired("https://doi.org/10.5281/zenodo.7447302"),
    LicenceDeclined("emodb"),
    InvalidAddress("ftp://example.org/emodb.zip", ["http", "https", "file"]),
    Unreachable("file:///data/emodb.zip", "no such file"),
    ServerRefused(EMODB, "Not Found", 404),
    DownloadFailed(EMODB, "no data arrived in time", 6, 20_000_000),
    DownloadFailed("http://emodb.invalid/emodb.zip", "unknown server, or no network", 2, 0),
    WrongChecksum(EMODB, "md5:9d21362dbc5676ef3ab4745d83ced0db"),
    WrongRecording(
        CREMA_D, "sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
    ),
    FileTooLarge(EMODB, 39_981_818),
    DamagedArchive(ARCHIVE, "File is not a zip file"),
    ConflictingNames(ARCHIVE),
    UnsafeMember(ARCHIVE, "/tmp/03a01Fa.wav", "absolute"),
    UnsafeMember(ARCHIVE, "../03a01Fa.wav", "outside"),
    UnsafeMember(ARCHIVE, "wav/03a01Fa.wav", "link"),
    UnsafeMember(ARCHIVE, "wav\\03a01Fa.wav", "name"),
    UnsafeMember(ARCHIVE, "wav/03a01Fa.wav", "encrypted"),
    UnsafeMember(ARCHIVE, "WAV/03a01Fa.wav", "duplicate"),
    ArchiveTooLarge(ARCHIVE, 500_000_000, 100_000),
    CorpusNotInArchive("emodb", LAYOUT),
    CorpusNotInArchive("emodb", LAYOUT, "wav/song.wav is not named like 03a01Fa.wav"),
]
