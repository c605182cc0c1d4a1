"""Writing a manifest and a study: both together, and only once the study is known to be valid."""

import errno
import os
import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ablation.corpora import corpus_kind
from ablation.errors import counted
from ablation.errors.common import InvalidOption
from ablation.errors.naming import TargetExists
from ablation.errors.running import FileAccessFailed
from ablation.errors.studies import NotUtf8
from ablation.files import atomic_write, require_writable
from ablation.init.finding import Found
from ablation.init.study_settings import choose_settings
from ablation.init.text import study_text
from ablation.init.understanding import Understood
from ablation.study import parse_study

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ALLOWED = "letters, digits, '.', '_' and '-', starting with a letter or digit, without .toml"


@dataclass(frozen=True)
class Start:
    """The files to be written and their texts; ``manifest`` is None where none is needed."""

    study: Path
    study_text: str
    manifest: Path | None
    manifest_text: str

    @property
    def files(self) -> list[Path]:
        return [self.study] if self.manifest is None else [self.manifest, self.study]


def study_name(folder: Path, given: str | None) -> str:
    """Return the name of the study: the one given, or one made from the folder's.

    Raise :class:`StudyError` where the name given is invalid.
    """
    if given is not None:
        if not _NAME.fullmatch(given) or given.lower().endswith(".toml"):
            raise InvalidOption("--name", given, _ALLOWED, "my-corpus")
        return given
    plain = unicodedata.normalize("NFKD", folder.resolve().name)
    words = re.findall(r"[A-Za-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)))
    return "-".join(words).lower()[:60] or "study"


def prepare(found: Found, understood: Understood, to: Path, name: str, force: bool) -> Start:
    """Return the files of a study in the folder ``to``, checked; nothing is written yet.

    Raises
    ------
    StorageError
        When a file already exists and ``force`` is not given, or ``to`` cannot be written to.
    FoldError
        When the speakers cannot be split into folds.
    """
    study = to / f"{name}.toml"
    manifest = None if understood.kind else to / f"{name}.csv"
    require_free([study] if manifest is None else [manifest, study], force)
    require_writable(to)
    maps = list(corpus_kind(understood.kind).label_maps) if understood.kind else []
    text = study_text(
        title=f"{counted(len(understood.spoken), 'recording')} of "
        f"{counted(len(understood.speakers), 'speaker')}, "
        f"{counted(len(understood.labels), 'label')}; {understood.how}",
        name=name,
        corpus=understood.kind or "manifest",
        root=_relative(found.folder, to) if manifest is None else manifest.name,
        labels=understood.labels,
        label_maps=maps,
        settings=choose_settings(understood),
    )
    parse_study(tomllib.loads(text), origin=str(study))
    return Start(study, text, manifest, _manifest_text(understood, to) if manifest else "")


def require_free(files: list[Path], force: bool) -> None:
    """Raise :class:`StorageError` for a file that exists, unless ``force`` overwrites it."""
    for file in files:
        if file.is_dir():
            raise FileAccessFailed("write", file, errno.EISDIR, "")
        if os.path.lexists(file) and not force:
            raise TargetExists(file)


def write(start: Start) -> None:
    """Write all files, or none: both are complete on disk before either gets its name."""
    with atomic_write(start.study) as study:
        study.write(start.study_text.encode())
        study.flush()
        if start.manifest is not None:
            with atomic_write(start.manifest) as manifest:
                manifest.write(start.manifest_text.encode())


def _relative(path: Path, to: Path) -> str:
    """Return ``path`` relative to the folder ``to``; raise :class:`StudyError` if not UTF-8."""
    relative = Path(os.path.relpath(path.resolve(), to.resolve())).as_posix()
    try:
        relative.encode()
    except UnicodeEncodeError:
        raise NotUtf8("path of the recordings", relative) from None
    return relative


def _manifest_text(understood: Understood, to: Path) -> str:
    """Return the table of recordings; a name that begins with a space keeps it after ``./``."""
    lines = ["file,speaker,label"]
    folders: dict[Path, str] = {}
    for one in understood.spoken:
        file = one.recording.file
        if file.parent not in folders:
            folders[file.parent] = _relative(file.parent, to)
        path = (Path(folders[file.parent]) / file.name).as_posix()
        path = path if path == path.strip() else f"./{path}"
        lines.append(",".join(map(_field, (path, one.speaker, one.label))))
    return "\n".join(lines) + "\n"


def _field(text: str) -> str:
    """Return a field of a CSV file, in quotes where it holds what would end it."""
    plain = not any(sign in text for sign in ',"\r\n') and text == text.strip()
    return text if plain else '"' + text.replace('"', '""') + '"'
