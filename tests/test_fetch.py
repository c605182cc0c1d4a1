"""Fetching corpora from a server on this machine that behaves well, and as badly as servers do."""

import errno
import gzip
import hashlib
import io
import json
import re
import stat
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pooch
import pytest
from layouts import sound
from running import Invoked, command, fill, invoke, mounted

from ablation.cli import fetch as fetch_command
from ablation.corpora.download.downloading import Downloads
from ablation.corpora.download.fetch import fetch_corpus
from ablation.corpora.download.sources import SOURCES, Archive
from ablation.errors import AblationError, CorpusError, StorageError
from ablation.errors import fetching as faults
from ablation.errors.running import FileAccessFailed
from ablation.progress import Reporter

EMODB = {
    f"wav/{speaker}a01{emotion}a.wav": sound(int(speaker) + ord(emotion))
    for speaker in ("03", "08")
    for emotion in "WFTN"
}


def packed(members: dict[str, bytes]) -> bytes:
    """A ZIP file; a member whose name begins with "link" is one."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK if name.startswith("link") else stat.S_IFREG) << 16
            pack = zipfile.ZIP_DEFLATED if name == "bomb" else zipfile.ZIP_STORED
            archive.writestr(info, content, pack)
    return stream.getvalue()


def marked(content: bytes, **marks: int) -> bytes:
    """A ZIP file whose headers say something else of every member: its flags, or its method."""
    changed = bytearray(content)
    for sign, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        for found in re.finditer(re.escape(sign), content):
            for name, value in marks.items():
                place = found.start() + flags + (2 if name == "method" else 0)
                changed[place : place + 2] = value.to_bytes(2, "little")
    return bytes(changed)


GOOD = packed(EMODB)


@dataclass
class Server:
    """What is served, how it misbehaves (once for every fault in the list), and what was asked."""

    files: dict[str, bytes] = field(default_factory=lambda: {"/emodb.zip": GOOD})
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    root: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"{self.root}/emodb.zip"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        self.agents.add(request.headers["User-Agent"])
        fault = self.faults.pop(0) if self.faults else ""
        content = self.files.get(request.path)
        if fault.isdigit() or content is None:
            request.send_error(int(fault or 404))
            return
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        # With a fault, half of it, and then nothing or the end.
        request.wfile.write(content[: len(content) // 2] if fault else content)
        request.wfile.flush()
        if fault == "stall":
            self.released.wait(20)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.root = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    known(monkeypatch, "emodb", GOOD)
    yield state
    state.released.set()
    listening.shutdown()
    thread.join()
    listening.server_close()


def known(patch: pytest.MonkeyPatch, name: str, content: bytes | None) -> None:
    """The only archive of a corpus, with the checksum of ``content`` in place of the real one."""
    checksum = None if content is None else f"md5:{hashlib.md5(content).hexdigest()}"
    archive = replace(SOURCES[name].archives[0], checksum=checksum)
    patch.setitem(SOURCES, name, replace(SOURCES[name], archives=(archive,)))


def fetch(folder: Path, address: str | Path, name: str = "emodb", check: int = 0) -> Invoked:
    options = ("--accept-licence", "--timeout", "0.3", "--tries", "3", "--from", address)
    return invoke("corpus", "fetch", name, "--to", name, *options, cwd=folder, check=check)


def whole(folder: Path) -> None:
    """EmoDB is in place, every byte, and nothing beside it."""
    files = {file.relative_to(folder / "emodb").as_posix(): file for file in folder.rglob("*.wav")}
    assert {name: file.read_bytes() for name, file in files.items()} == EMODB
    assert [entry.name for entry in folder.iterdir()] == ["emodb"]


def refused(folder: Path, address: str | Path, kind: type[CorpusError]) -> str:
    """The fetch ends with an expected error and leaves nothing; what the error says."""
    done = fetch(folder, address, check=1)
    assert type(done.error) is kind
    assert vars(done.error)["address"] == str(address)
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []
    return done.error.what


def await_(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)


# ---------------------------------------------------------------------------- all goes well


def test_a_corpus_is_fetched_once_and_its_origin_written_down(
    server: Server, tmp_path: Path
) -> None:
    done = fetch(tmp_path, server.address)
    whole(tmp_path)
    assert done.stdout == f"{tmp_path / 'emodb'}: 8 recordings\n"
    assert "licence: CC BY 4.0" in done.stderr
    assert "note: 8 recordings; the complete corpus has 535" in done.stderr
    record = json.loads((tmp_path / "emodb/fetched.json").read_text())
    assert record["address"] == server.address
    assert record["checksum"] == f"sha256:{hashlib.sha256(GOOD).hexdigest()}"
    assert not any("requests" in agent for agent in server.agents)  # Zenodo would refuse it
    again = fetch(tmp_path, server.address)
    assert again.stdout == done.stdout
    assert "nothing to do" in again.stderr
    assert len(server.asked) == 1
    next(tmp_path.glob("emodb/wav/*")).unlink()
    lacking = fetch(tmp_path, server.address, check=1)
    assert isinstance(lacking.error, faults.TargetIncomplete)
    assert (lacking.error.found, lacking.error.fetched) == (7, 8)


@pytest.mark.parametrize("written", [str, Path.as_uri])
def test_a_local_archive_with_the_corpus_inside_a_folder_is_read_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[Path], str]
) -> None:
    members = {f"emodb_2/{name}": content for name, content in EMODB.items()}
    content = packed({**members, "__MACOSX/._x": b"", "emodb_2/db.yaml": b"name: emodb"})
    known(monkeypatch, "emodb", content)
    archive, folder = tmp_path / "a copy.zip", tmp_path / "target"
    archive.write_bytes(content)
    folder.mkdir()
    fetch(folder, written(archive))
    whole(folder)
    assert (folder / "emodb/db.yaml").is_file()
    assert archive.read_bytes() == content


def test_an_archive_packed_by_another_system_is_unpacked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backslashes separate its folders, which are members too, and UTF-8 is not marked as such."""
    folder, archive = tmp_path / "target", tmp_path / "x.zip"
    folder.mkdir()
    turned = {f"M\u00fcll\\{name}".replace("/", "\\"): data for name, data in EMODB.items()}
    content = packed({"M\u00fcll\\": b"", "M\u00fcll\\wav\\": b"", **turned})
    archive.write_bytes(marked(content, flags=0))
    known(monkeypatch, "emodb", None)
    fetch(folder, archive)
    whole(folder)


def test_an_archive_in_the_folder_of_an_unfinished_fetch_is_not_removed(
    server: Server, tmp_path: Path
) -> None:
    archive = tmp_path / ".emodb.fetch" / "own.zip"
    archive.parent.mkdir()
    archive.write_bytes(GOOD)
    assert isinstance(fetch(tmp_path, archive, check=1).error, faults.Unreachable)
    assert archive.read_bytes() == GOOD


def test_another_address_is_tried_where_the_first_does_not_answer(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one has no published checksum: its own is told."""
    archives = (Archive(f"{server.root}/gone.zip"), Archive(server.address))
    monkeypatch.setitem(SOURCES, "emodb", replace(SOURCES["emodb"], archives=archives))
    arguments = ("corpus", "fetch", "emodb", "--to", tmp_path / "emodb", "--accept-licence")
    done = invoke(*arguments, cwd=tmp_path)
    assert any("gone.zip" in line and "404" in line for line in done.stderr.splitlines())
    digest = hashlib.sha256(GOOD).hexdigest()
    assert f"fetched.json records its own: sha256:{digest}" in done.stderr
    whole(tmp_path)


# ---------------------------------------------------------------------------- connections


@pytest.mark.parametrize("faults", [["drop", "stall"], ["503", "429"]])
def test_a_download_that_fails_is_tried_again(
    server: Server, tmp_path: Path, faults: list[str]
) -> None:
    server.faults = list(faults)
    fetch(tmp_path, server.address)
    whole(tmp_path)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "asked", "reason"),
    [("404", 1, "404 Not Found"), ("500", 3, "500"), ("drop", 3, "dropped"), ("stall", 3, "time")],
)
def test_an_address_that_does_not_answer_with_the_file(
    server: Server, tmp_path: Path, fault: str, asked: int, reason: str
) -> None:
    """A status that another try would not change is not tried again."""
    server.faults = [fault] * asked
    assert reason in refused(tmp_path, server.address, faults.Unreachable)
    assert len(server.asked) == asked
    fetch(tmp_path, server.address)
    whole(tmp_path)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:9/emodb.zip", "no connection"),
        ("http://emodb.invalid/emodb.zip", "no network"),  # never known (RFC 2606)
        ("http://[/x.zip", "valid"),
        ("http://a..b/x.zip", "label empty"),
        ("ftp://a.example/x.zip", "no such file"),
        ("file:///nowhere/x.zip", "no such file"),
        ("file:///", "no such file"),
    ],
)
def test_nobody_at_the_address(server: Server, tmp_path: Path, address: str, reason: str) -> None:
    assert reason in refused(tmp_path, address, faults.Unreachable)


# ---------------------------------------------------------------------------- what comes is bad


@pytest.mark.parametrize("local", [False, True])
def test_a_wrong_checksum_keeps_nothing(server: Server, tmp_path: Path, local: bool) -> None:
    wrong = GOOD[:-30] + b"x" + GOOD[-29:]
    server.files["/emodb.zip"] = wrong
    archive, folder = tmp_path / "x.zip", tmp_path / "target"
    archive.write_bytes(wrong)
    folder.mkdir()
    told = refused(folder, archive if local else server.address, faults.WrongChecksum)
    assert str(SOURCES["emodb"].archives[0].checksum) in told
    assert len(server.asked) == (0 if local else 1)
    server.files["/emodb.zip"] = GOOD
    fetch(folder, server.address)
    whole(folder)


def test_the_checksum_that_was_published_holds_for_a_mirror(server: Server, tmp_path: Path) -> None:
    """The table as it is: no other file passes for RAVDESS."""
    done = fetch(tmp_path, server.address, name="ravdess", check=1)
    assert isinstance(done.error, faults.WrongChecksum)
    assert done.error.expected == "md5:bc696df654c87fed845eb13823edef8a"


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (packed(EMODB | {member: b"x"}), faults.BadArchive, f"{member!r} {fault}")
        for member, fault in [
            ("../evil", "leads out of the folder"),
            ("wav/../../evil", "leads out of the folder"),
            ("..\\evil", "leads out of the folder"),
            ("/tmp/evil", "is an absolute path"),
            ("C:/evil", "is an absolute path"),
            ("wav\\..\\..\\evil", "leads out of the folder"),
            ("\\\\server\\evil", "is an absolute path"),
            ("C:\\evil", "is an absolute path"),
            ("wav\\03a01Wa.wav", "occurs twice"),
            ("evil\n", "is not a valid file name"),
            ("link", "is a link or a device"),
            ("WAV/03a01Wa.wav", "occurs twice"),
            ("./wav/03a01Wa.wav", "occurs twice"),
        ]
    ]
    + [
        (packed(EMODB | {"wav": b"x"}), faults.BadArchive, "same name"),
        (packed(EMODB | {"bomb": bytes(10**6)}), faults.BadArchive, "more than 0.5 MB"),
        (GOOD[: len(GOOD) // 2], faults.BadArchive, "not a complete ZIP archive"),
        (GOOD.replace(EMODB["wav/03a01Wa.wav"][-40:], b"x" * 40), faults.BadArchive, "CRC"),
        (marked(GOOD, method=9), faults.BadArchive, "is compressed by Deflate64"),
        (marked(GOOD, method=95), faults.BadArchive, "is compressed by XZ"),
        (marked(GOOD, method=96), faults.BadArchive, "is compressed by method 96"),
        (marked(GOOD, flags=1), faults.BadArchive, "is encrypted"),
        (b"7z\xbc\xaf\x27\x1c", faults.BadArchive, "a 7z archive"),
        (gzip.compress(b"tar"), faults.BadArchive, "a gzip archive"),
        (b"<html>Please log in</html>", faults.BadArchive, "not a complete ZIP archive"),
        (packed({"readme.txt": b"x"}), faults.CorpusNotInArchive, "corpus emodb"),
        (packed({"wav/song.wav": b"x"}), faults.CorpusNotInArchive, "song.wav"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_a_bad_archive_leaves_nothing_and_the_next_try_succeeds(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    kind: type[CorpusError],
    reason: str,
) -> None:
    """Nor does it change one that lies on this machine."""
    known(monkeypatch, "emodb", None)
    monkeypatch.setitem(SOURCES, "emodb", replace(SOURCES["emodb"], unpacked=500_000))
    folder, own = tmp_path / "a" / "b", tmp_path / "own.zip"
    folder.mkdir(parents=True)
    own.write_bytes(content)
    server.files["/emodb.zip"] = content
    for address in (server.address, own):
        assert reason in refused(folder, address, kind)
    assert own.read_bytes() == content
    assert not list(tmp_path.rglob("*evil*"))
    server.files["/emodb.zip"] = GOOD
    fetch(folder, server.address)
    whole(folder)


# ---------------------------------------------------------------------------- cut off


def test_a_fetch_that_was_killed_while_downloading_leaves_no_corpus(
    server: Server, tmp_path: Path
) -> None:
    """And nothing half-written is in the way of the next one, or left behind by it."""
    server.faults = ["stall"]
    options = ("--to", tmp_path / "emodb", "--from", server.address, "--accept-licence")
    running = subprocess.Popen(command(["corpus", "fetch", "emodb", *options]))
    await_(lambda: bool(server.asked) and any(tmp_path.glob(".emodb.fetch/tmp*")))
    running.kill()
    running.wait()
    server.released.set()
    assert not (tmp_path / "emodb").exists()
    assert list(tmp_path.glob(".emodb.fetch/tmp*"))
    fetch(tmp_path, server.address)
    whole(tmp_path)


def test_a_fetch_that_was_interrupted_while_unpacking_leaves_no_corpus(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the way of the next one is cleared; what was downloaded is not asked for again."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ablation.corpora.download.fetch.corpus_root", interrupted)
        done = fetch(tmp_path, server.address, check=130)
    assert "interrupted" in done.stderr
    assert not (tmp_path / "emodb").exists()
    assert list(tmp_path.glob(".emodb.fetch/unpacked/wav/*.wav"))
    fetch(tmp_path, server.address)
    whole(tmp_path)
    assert len(server.asked) == 1


def test_a_full_or_read_only_disk_is_told_and_the_next_fetch_works(
    server: Server, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "size=1m") as disk:
        filler = fill(disk, leaving=8192)
        done = fetch(disk, server.address, check=1)
        assert isinstance(done.error, FileAccessFailed)
        assert done.error.code == errno.ENOSPC
        assert not (disk / "emodb").exists()
        filler.unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = fetch(disk, server.address, check=1)
        assert isinstance(done.error, FileAccessFailed)
        assert done.error.code == errno.EROFS
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        fetch(disk, server.address)
        whole(disk)


def test_two_fetches_at_once_do_not_mix(server: Server, tmp_path: Path) -> None:
    server.faults = ["stall"]
    downloads = Downloads(Reporter(quiet=True), timeout=20)
    arguments = ("emodb", tmp_path / "emodb", lambda _: None, downloads, server.address)
    thread = threading.Thread(target=fetch_corpus, args=arguments)
    thread.start()
    await_(lambda: bool(server.asked))
    done = fetch(tmp_path, server.address, check=1)
    assert isinstance(done.error, faults.FetchRunning)
    assert done.error.target == tmp_path / "emodb"
    server.released.set()
    thread.join()
    whole(tmp_path)


# ---------------------------------------------------------------------------- CREMA-D: Git LFS

CREMA_D = {
    f"1001_DFA_{emotion}_XX.wav": sound(number // 2)  # two of them are the same recording
    for number, emotion in enumerate(("NEU", "HAP", "ANG", "SAD"))
}


@pytest.fixture
def crema_d(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the repository's archive, with pointers in place of the recordings.

    These are beside it.
    """
    members = {"CREMA-D-master/VideoFlash/1001_DFA_NEU_XX.flv": b"left out"}
    for name, content in CREMA_D.items():
        digest = hashlib.sha256(content).hexdigest()
        members[f"CREMA-D-master/AudioWAV/{name}"] = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\n"
            f"size {len(content)}\n"
        ).encode()
        server.files[f"/AudioWAV/{name}"] = content
    server.files["/crema.zip"] = packed(members)
    known(monkeypatch, "crema_d", None)
    addresses = (f"{server.root}/none/", f"{server.root}/AudioWAV/")
    source = replace(SOURCES["crema_d"], recordings_at=addresses)
    monkeypatch.setitem(SOURCES, "crema_d", source)
    return f"{server.root}/crema.zip"


def recordings(folder: Path) -> dict[str, bytes]:
    assert [entry.name for entry in folder.iterdir()] == ["crema_d"]
    return {file.name: file.read_bytes() for file in folder.glob("crema_d/AudioWAV/*")}


@pytest.mark.parametrize("local", [False, True])
def test_recordings_that_an_archive_only_names_are_downloaded(
    server: Server, crema_d: str, tmp_path: Path, local: bool
) -> None:
    """Those of an archive on this machine from the first public address that has them."""
    folder, archive = tmp_path / "target", tmp_path / "crema.zip"
    folder.mkdir()
    archive.write_bytes(server.files["/crema.zip"])
    done = fetch(folder, archive if local else crema_d, name="crema_d")
    assert recordings(folder) == CREMA_D
    assert not list(folder.rglob("*.flv"))
    assert (f"{server.root}/none/" in done.stderr) == local
    assert server.asked.count("/crema.zip") == (0 if local else 1)


def test_a_recording_that_is_another_one_is_refused(
    server: Server, crema_d: str, tmp_path: Path
) -> None:
    """And what had come is not asked for again."""
    server.files["/AudioWAV/1001_DFA_SAD_XX.wav"] = sound(99)
    done = fetch(tmp_path, crema_d, name="crema_d", check=1)
    assert isinstance(done.error, faults.WrongChecksum)
    assert done.error.address == f"{server.root}/AudioWAV/1001_DFA_SAD_XX.wav"
    assert not (tmp_path / "crema_d").exists()
    server.files["/AudioWAV/1001_DFA_SAD_XX.wav"] = CREMA_D["1001_DFA_SAD_XX.wav"]
    fetch(tmp_path, crema_d, name="crema_d")
    assert recordings(tmp_path) == CREMA_D
    assert server.asked.count("/crema.zip") == 1
    assert len(server.asked) == 1 + len(CREMA_D) + 1


# ---------------------------------------------------------------------------- what is asked for


def test_the_licence_must_be_accepted_before_anything_is_asked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("corpus", "fetch", "emodb", "--to", "emodb", "--from", server.address)
    done = invoke(*arguments, cwd=tmp_path, check=1)
    assert isinstance(done.error, faults.LicenceRequired)
    assert "--accept-licence" in done.error.remedy
    monkeypatch.setattr(fetch_command.sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)  # asked at a terminal
    with pytest.raises(faults.LicenceDeclined):
        fetch_command.corpus_fetch("emodb", to=tmp_path / "emodb")
    assert server.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "kind", "facts"),
    [
        (("emodb",), faults.TargetMissing, {"corpus": "emodb"}),
        (("manifest", "--to", "x"), faults.NotFetchable, {"corpus": "manifest"}),
        (("synthetic", "--to", "x"), faults.NotFetchable, {"corpus": "synthetic"}),
        (("audformat",), faults.NotFetchable, {"fetchable": list(SOURCES)}),
        (("emodb", "--to", "full"), faults.TargetNotEmpty, {"corpus": "emodb", "reason": ""}),
        (("emodb", "--to", "full/file"), faults.InvalidTarget, {}),
        (("emodb", "--to", "/"), faults.InvalidTarget, {"folder": Path("/")}),
        (("emodb", "--to", "full/file/emodb"), StorageError, {}),
    ],
)
def test_what_cannot_be_fetched_says_why(
    tmp_path: Path,
    arguments: tuple[str, ...],
    kind: type[AblationError],
    facts: dict[str, object],
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    done = invoke("corpus", "fetch", *arguments, "--accept-licence", cwd=tmp_path, check=1)
    assert isinstance(done.error, kind)
    assert vars(done.error).items() >= facts.items()
    if "full" in arguments[-1]:
        assert str(tmp_path / "full") in done.error.what
    assert done.stdout == ""
    assert (tmp_path / "full/file").read_text() == "mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["full"]
