"""Errors of runs: stored results, recorded settings, preparing data, searches and estimates."""

import errno
from pathlib import Path

from ablation.errors.running import (
    CorpusChanged,
    EmptySearchGrid,
    FileAccessFailed,
    FilterTooLarge,
    FoldEmptied,
    NewerFile,
    NoFoldFinished,
    NoResults,
    NoSearch,
    NothingMeasured,
    PortUnavailable,
    ResultsUnstable,
    SearchFileUnusable,
    SearchRunning,
    StudyNotRun,
    UnreadableSettings,
    WrongDigest,
)

RESULTS = Path("results/emodb")
TABLE = RESULTS / "probes.parquet"
SEARCHES = RESULTS / "search.db"
SETTINGS = RESULTS / "studies" / "5c31d0a2be77.toml"

EXAMPLES = [
    FileAccessFailed("write", TABLE, errno.ENOSPC, "No space left on device"),
    FileAccessFailed("write", TABLE, errno.EDQUOT, "Disk quota exceeded"),
    FileAccessFailed("write", TABLE, errno.EFBIG, "File too large"),
    FileAccessFailed("write to", RESULTS, errno.EACCES, "Permission denied"),
    FileAccessFailed("write to", RESULTS, errno.EROFS, "Read-only file system"),
    FileAccessFailed("write to", RESULTS, errno.ENOTDIR, "Not a directory"),
    FileAccessFailed("make the folder", RESULTS, errno.EEXIST, "File exists"),
    FileAccessFailed("write", TABLE, errno.EISDIR, "Is a directory"),
    FileAccessFailed("read", TABLE, errno.EIO, "Input/output error"),
    NewerFile(TABLE, 2, 1),
    ResultsUnstable(RESULTS),
    NoResults(Path("results"), ["emodb", "ravdess"]),
    NoResults(Path("results"), []),
    StudyNotRun("emodb", Path("/home/ada/results")),
    WrongDigest("emodb", "77", ["5c31d0a2be77", "9e04f1c88d21"]),
    WrongDigest(
        "emodb", "7", ["5c31d0a2be77", "9e04f1c88d21"], {"9e04f1c88d21": "training.steps 20"}
    ),
    WrongDigest("emodb", "5", ["5c31d0a2be77", "5d04f1c88d21", "9e04f1c88d21"]),
    UnreadableSettings(SETTINGS, "Expected '=' after a key (at line 3, column 7)"),
    FilterTooLarge("500x2", (500, 2), (400, 99), (400, 99)),
    FilterTooLarge("80x2", (80, 2), (64, 99), (64, 99), "bands"),
    FilterTooLarge("10x60", (10, 119), (400, 99), (400, 50)),
    FoldEmptied("03", "training", ["bored", "sad"]),
    FoldEmptied("03", "test"),
    CorpusChanged(Path("/data/emodb"), "emodb", "5c31d0a2be77"),
    NoFoldFinished("emodb"),
    SearchRunning(RESULTS),
    SearchFileUnusable(SEARCHES, "file is not a database"),
    SearchFileUnusable(SEARCHES, "database is locked", transient=True),
    EmptySearchGrid((2, 9), (2, 4)),
    NoSearch("emodb", Path("/home/ada/results")),
    PortUnavailable(8080, "already in use"),
    NothingMeasured("MemoryError: no memory left on cuda:0 for filter 200x20"),
]
