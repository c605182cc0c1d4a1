"""Fetching corpora from a server on this machine that behaves well, and as badly as servers do."""

import hashlib
import io
import json
import stat
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from layouts import sound
from running import Invoked, invoke

from ablation.cli import fetch_command
from ablation.corpora.download import resuming
from ablation.corpora.download.sources import SOURCES, Archive
from ablation.errors import AblationError, CorpusError, StorageError
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

EMODB = {
    f"wav/{speaker}a01{emotion}a.wav": sound(int(speaker) + ord(emotion))
    for speaker in ("03", "08")
    for emotion in "WFTN"
}


def packed(members: dict[str, bytes], kind: int = stat.S_IFREG) -> bytes:
    """A ZIP file; members whose name begins with "link" are of ``kind``."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            mode = kind if name.startswith("link") else stat.S_IFREG
            info.external_attr = (mode | 0o644) << 16
            pack = zipfile.ZIP_DEFLATED if name == "bomb" else zipfile.ZIP_STORED
            archive.writestr(info, content, pack)
    return stream.getvalue()


@dataclass
class Server:
    """What is served, how it misbehaves (once for every fault in the list), and what was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    ranges: bool = True
    tag: str = '"one"'
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.asked.append((request.path, asked))
        fault = self.faults.pop(0) if self.faults else ""
        content = self.files.get(request.path)
        if fault.isdigit() or content is None:
            request.send_error(int(fault or 404))
            return
        start = 0
        if self.ranges and asked and request.headers.get("If-Range", self.tag) == self.tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                request.send_error(416)
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            request.send_response(200)
        if self.ranges:
            request.send_header("ETag", self.tag)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        if fault:  # half of what is left, and then nothing or the end
            content = content[: start + (len(content) - start) // 2]
        request.wfile.write(content[start:])
        request.wfile.flush()
        if fault == "stall":
            self.released.wait(20)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(resuming, "PAUSES", (0.01,))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server({"/emodb.zip": packed(EMODB)})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    known(monkeypatch, "emodb", packed(EMODB))
    yield state
    state.released.set()
    listening.shutdown()
    thread.join()
    listening.server_close()


def known(patch: pytest.MonkeyPatch, name: str, content: bytes | None) -> None:
    """A small corpus in place of the real one: the checksum is that of ``content``."""
    checksum = None if content is None else f"md5:{hashlib.md5(content).hexdigest()}"
    size = None if content is None else len(content)
    archive = replace(SOURCES[name].archives[0], size=size, checksum=checksum)
    patch.setitem(SOURCES, name, replace(SOURCES[name], archives=(archive,)))


def fetch(
    folder: Path, address: str, *more: str, name: str = "emodb", check: int = 0, tries: int = 3
) -> Invoked:
    options = ("--accept-licence", "--timeout", "0.3", "--tries", str(tries), *more)
    arguments = ("corpus", "fetch", name, "--to", folder / name, "--from", address, *options)
    return invoke(*arguments, cwd=folder, check=check)


def whole(folder: Path) -> None:
    """EmoDB is in place, every byte, and nothing beside it."""
    there = {
        file.relative_to(folder / "emodb").as_posix(): file.read_bytes()
        for file in folder.glob("emodb/**/*.wav")
    }
    assert there == EMODB
    assert [entry.name for entry in folder.iterdir()] == ["emodb"]


def nothing(folder: Path, done: Invoked) -> None:
    """One expected error of two lines at most, and nothing that looks like a corpus."""
    assert isinstance(done.error, CorpusError)
    error = done.stderr[done.stderr.index("error: ") :]
    assert len(error.strip().splitlines()) <= 2
    assert "Traceback" not in done.stderr
    assert not (folder / "emodb").exists()
    assert all(entry.name == ".emodb.fetch" for entry in folder.iterdir())


# ---------------------------------------------------------------------------- all goes well


def test_a_corpus_is_fetched_once_and_its_origin_written_down(
    server: Server, tmp_path: Path
) -> None:
    address = f"{server.address}/emodb.zip"
    done = fetch(tmp_path, address)
    whole(tmp_path)
    assert done.stdout == f"{tmp_path / 'emodb'}: 8 recordings\n"
    assert "licence: CC BY 4.0" in done.stderr
    assert "note: 8 recordings; the complete corpus has 535" in done.stderr
    record = json.loads((tmp_path / "emodb/fetched.json").read_text())
    assert record["address"] == address
    digest = hashlib.sha256(server.files["/emodb.zip"]).hexdigest()
    assert record["checksum"] == f"sha256:{digest}"
    again = fetch(tmp_path, address)
    assert again.stdout == done.stdout
    assert "nothing to do" in again.stderr
    assert len(server.asked) == 1
    next(tmp_path.glob("emodb/wav/*")).unlink()
    lacking = fetch(tmp_path, address, check=1)
    assert isinstance(lacking.error, TargetIncomplete)
    assert lacking.error.target == tmp_path / "emodb"
    assert (lacking.error.found, lacking.error.fetched) == (7, 8)


def test_a_corpus_inside_a_folder_of_the_archive_is_found(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"emodb_2/{name}": content for name, content in EMODB.items()}
    content = packed({**members, "__MACOSX/._x": b"", "emodb_2/db.yaml": b"name: emodb"})
    known(monkeypatch, "emodb", content)
    (tmp_path / "here.zip").write_bytes(content)
    (tmp_path / "target").mkdir()
    fetch(tmp_path / "target", (tmp_path / "here.zip").as_uri())
    whole(tmp_path / "target")
    assert (tmp_path / "target/emodb/db.yaml").is_file()


def test_without_a_known_checksum_its_own_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(monkeypatch, "emodb", None)
    done = fetch(tmp_path, f"{server.address}/emodb.zip")
    digest = hashlib.sha256(server.files["/emodb.zip"]).hexdigest()
    assert f"fetched.json records its own: sha256:{digest}" in done.stderr


def test_another_address_is_tried_where_the_first_does_not_answer(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives = (
        Archive(f"{server.address}/gone.zip"),
        Archive(f"{server.address}/emodb.zip"),
    )
    monkeypatch.setitem(SOURCES, "emodb", replace(SOURCES["emodb"], archives=archives))
    arguments = ("corpus", "fetch", "emodb", "--to", tmp_path / "emodb", "--accept-licence")
    done = invoke(*arguments, cwd=tmp_path)
    assert any("gone.zip" in line and "404" in line for line in done.stderr.splitlines())
    whole(tmp_path)


# ---------------------------------------------------------------------------- connections


@pytest.mark.parametrize("fault", ["drop", "stall"])
def test_a_connection_that_ends_halfway_goes_on_from_there(
    server: Server, tmp_path: Path, fault: str
) -> None:
    server.faults = [fault, fault]
    done = fetch(tmp_path, f"{server.address}/emodb.zip")
    whole(tmp_path)
    size = len(server.files["/emodb.zip"])
    half = size // 2
    ranges = [asked for _, asked in server.asked]
    assert ranges == [None, f"bytes={half}-", f"bytes={half + (size - half) // 2}-"]
    assert f"{server.address}/emodb.zip" in done.stderr


def test_the_next_command_goes_on_from_what_the_last_one_left(
    server: Server, tmp_path: Path
) -> None:
    server.faults = ["drop", "503"]
    address = f"{server.address}/emodb.zip"
    nothing(tmp_path, fetch(tmp_path, address, check=1, tries=1))
    nothing(tmp_path, fetch(tmp_path, address, check=1, tries=1))
    fetch(tmp_path, address)
    whole(tmp_path)
    half = f"bytes={len(server.files['/emodb.zip']) // 2}-"
    assert [asked for _, asked in server.asked] == [None, half, half]


def test_a_server_without_ranges_starts_anew(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.faults = ["drop"]
    fetch(tmp_path, f"{server.address}/emodb.zip")
    whole(tmp_path)
    assert server.asked[1][1] is not None


def test_a_file_that_changed_meanwhile_is_not_glued_together(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a known checksum nothing but the server's own tag can tell."""
    known(monkeypatch, "emodb", None)
    final = server.files["/emodb.zip"]
    server.files["/emodb.zip"] = bytes(reversed(final))
    server.faults = ["drop"]
    address = f"{server.address}/emodb.zip"
    fetch(tmp_path, address, check=1, tries=1)
    server.files["/emodb.zip"], server.tag = final, '"two"'
    fetch(tmp_path, address)
    whole(tmp_path)


def test_more_bytes_than_the_server_has_are_thrown_away(server: Server, tmp_path: Path) -> None:
    server.faults = ["drop"]
    address = f"{server.address}/emodb.zip"
    fetch(tmp_path, address, check=1, tries=1)
    [part] = tmp_path.glob(".emodb.fetch/*.part")
    part.write_bytes(b"x" * len(server.files["/emodb.zip"]))
    fetch(tmp_path, address)
    whole(tmp_path)


@pytest.mark.parametrize(("fault", "asked"), [("404", 1), ("500", 3)])
def test_an_answer_that_is_no_file(server: Server, tmp_path: Path, fault: str, asked: int) -> None:
    """A status that another try would not change is not tried again."""
    address = f"{server.address}/emodb.zip"
    server.faults = [fault] * 3
    done = fetch(tmp_path, address, check=1)
    nothing(tmp_path, done)
    error = done.error
    assert isinstance(error, Unreachable)
    assert error.address == address
    if asked == 1:
        assert isinstance(error, ServerRefused)
        assert (error.status, error.reason) == (404, "Not Found")
    else:
        assert isinstance(error, DownloadFailed)
        assert (error.tries, error.kept) == (3, 0)
        assert "500" in error.reason
    assert len(server.asked) == asked
    server.faults = []
    fetch(tmp_path, address)
    whole(tmp_path)


def test_a_server_that_is_busy_for_a_moment_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.faults = ["503", "429"]
    fetch(tmp_path, f"{server.address}/emodb.zip")
    whole(tmp_path)


def test_nobody_at_the_address(server: Server, tmp_path: Path) -> None:
    done = fetch(tmp_path, "http://127.0.0.1:9/emodb.zip", check=1, tries=2)
    nothing(tmp_path, done)
    assert isinstance(done.error, DownloadFailed)
    assert done.error.address == "http://127.0.0.1:9/emodb.zip"
    assert (done.error.tries, done.error.kept) == (2, 0)


def test_without_a_network_it_is_not_waited_for(tmp_path: Path) -> None:
    """A name under ``.invalid`` is never known (RFC 2606)."""
    done = fetch(tmp_path, "http://emodb.invalid/emodb.zip", check=1, tries=6)
    nothing(tmp_path, done)
    assert isinstance(done.error, DownloadFailed)
    assert done.error.tries == 2
    assert "no network" in done.error.reason
    assert "--from (file:///" in done.error.remedy


# ---------------------------------------------------------------------------- what comes is bad


def test_a_wrong_checksum_keeps_nothing(server: Server, tmp_path: Path) -> None:
    address = f"{server.address}/emodb.zip"
    good = server.files["/emodb.zip"]
    server.files["/emodb.zip"] = good[:-30] + b"x" + good[-29:]
    done = fetch(tmp_path, address, check=1)
    nothing(tmp_path, done)
    assert isinstance(done.error, WrongChecksum)
    assert done.error.address == address
    assert done.error.expected == SOURCES["emodb"].archives[0].checksum
    assert list(tmp_path.iterdir()) == []
    server.files["/emodb.zip"] = good
    fetch(tmp_path, address)
    whole(tmp_path)


def test_the_checksum_that_was_published_holds_for_a_mirror(server: Server, tmp_path: Path) -> None:
    """The table as it is: no other file passes for RAVDESS."""
    done = fetch(tmp_path, f"{server.address}/emodb.zip", name="ravdess", check=1)
    assert isinstance(done.error, WrongChecksum)
    assert done.error.expected == "md5:bc696df654c87fed845eb13823edef8a"
    assert not (tmp_path / "ravdess").exists()


def test_a_file_that_is_too_large_is_given_up_at_once(server: Server, tmp_path: Path) -> None:
    server.files["/emodb.zip"] += b"x"
    done = fetch(tmp_path, f"{server.address}/emodb.zip", check=1)
    nothing(tmp_path, done)
    assert isinstance(done.error, FileTooLarge)
    assert done.error.limit == len(server.files["/emodb.zip"]) - 1


GOOD = packed(EMODB)


@pytest.mark.parametrize(
    ("content", "kind", "facts"),
    [
        (
            packed(EMODB | {member: b"x"}, stat.S_IFLNK),
            UnsafeMember,
            {"member": member, "fault": fault},
        )
        for member, fault in [
            ("../evil", "outside"),
            ("wav/../../evil", "outside"),
            ("..\\evil", "outside"),
            ("/tmp/evil", "absolute"),
            ("C:/evil", "absolute"),
            ("wav\\evil", "name"),
            ("link", "link"),
            ("WAV/03a01Wa.wav", "duplicate"),
        ]
    ]
    + [
        (packed(EMODB | {"./wav/03a01Wa.wav": b"x"}), ConflictingNames, {}),
        (packed(EMODB | {"wav": b"x"}), ConflictingNames, {}),
        (packed(EMODB | {"bomb": bytes(10**6)}), ArchiveTooLarge, {"limit": 500_000}),
        (GOOD[: len(GOOD) // 2], DamagedArchive, {}),
        (GOOD.replace(EMODB["wav/03a01Wa.wav"][-40:], b"x" * 40), DamagedArchive, {}),
        (b"<html>Please log in</html>", DamagedArchive, {}),
        (packed({"readme.txt": b"x"}), CorpusNotInArchive, {"corpus": "emodb", "reason": ""}),
        (packed({"wav/song.wav": b"x"}), CorpusNotInArchive, {"corpus": "emodb"}),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_a_bad_archive_leaves_nothing_and_the_next_try_succeeds(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    kind: type[CorpusError],
    facts: dict[str, object],
) -> None:
    known(monkeypatch, "emodb", None)
    small = replace(SOURCES["emodb"], unpacked=500_000)
    monkeypatch.setitem(SOURCES, "emodb", small)
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    server.files["/emodb.zip"], good = content, server.files["/emodb.zip"]
    done = fetch(folder, f"{server.address}/emodb.zip", check=1)
    nothing(folder, done)
    assert type(done.error) is kind
    assert vars(done.error).items() >= facts.items()
    if b"song.wav" in content:
        assert isinstance(done.error, CorpusNotInArchive)
        assert "song.wav" in done.error.reason
    assert not list(tmp_path.rglob("*evil*"))
    server.files["/emodb.zip"] = good
    fetch(folder, f"{server.address}/emodb.zip")
    whole(folder)


def test_a_fetch_that_was_killed_while_unpacking_leaves_no_corpus(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the way of the next one is cleared; what was downloaded is not asked for again."""
    address = f"{server.address}/emodb.zip"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ablation.corpora.download.fetch.corpus_root", killed)
        done = fetch(tmp_path, address, check=130)
    assert "interrupted" in done.stderr
    assert not (tmp_path / "emodb").exists()
    assert list(tmp_path.glob(".emodb.fetch/unpacked/wav/*.wav"))
    fetch(tmp_path, address)
    whole(tmp_path)
    assert len(server.asked) == 1


# ---------------------------------------------------------------------------- CREMA-D: Git LFS

CREMA_D = {
    f"1001_DFA_{emotion}_XX.wav": sound(number // 2)  # two of them are the same recording
    for number, emotion in enumerate(("NEU", "HAP", "ANG", "SAD"))
}


@pytest.fixture
def crema_d(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """An archive of the repository, pointers in place of recordings, and these beside it."""
    known(monkeypatch, "crema_d", None)
    members = {"CREMA-D-master/VideoFlash/1001_DFA_NEU_XX.flv": b"left out"}
    for name, content in CREMA_D.items():
        digest = hashlib.sha256(content).hexdigest()
        members[f"CREMA-D-master/AudioWAV/{name}"] = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\n"
            f"size {len(content)}\n"
        ).encode()
        server.files[f"/AudioWAV/{name}"] = content
    server.files["/crema.zip"] = packed(members)
    return server


def recordings(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("crema_d/AudioWAV/*")}


def test_recordings_that_an_archive_only_names_are_downloaded(
    crema_d: Server, tmp_path: Path
) -> None:
    fetch(tmp_path, f"{crema_d.address}/crema.zip", name="crema_d")
    assert recordings(tmp_path) == CREMA_D
    assert not list(tmp_path.rglob("*.flv"))
    assert len(crema_d.asked) == 1 + 2


def test_a_recording_that_is_another_one_is_refused(crema_d: Server, tmp_path: Path) -> None:
    """And what had come is not asked for again."""
    address = f"{crema_d.address}/crema.zip"
    good = dict(crema_d.files)
    for name in ("ANG", "SAD"):
        crema_d.files[f"/AudioWAV/1001_DFA_{name}_XX.wav"] = sound(99)
    done = fetch(tmp_path, address, name="crema_d", check=1)
    assert isinstance(done.error, WrongRecording)
    assert done.error.address.startswith(f"{crema_d.address}/AudioWAV/1001_DFA_")
    digests = {hashlib.sha256(content).hexdigest() for content in CREMA_D.values()}
    assert done.error.expected.removeprefix("sha256:") in digests
    assert not (tmp_path / "crema_d").exists()
    crema_d.files.update(good)
    fetch(tmp_path, address, name="crema_d")
    assert recordings(tmp_path) == CREMA_D
    asked = [path for path, _ in crema_d.asked]
    assert asked.count("/crema.zip") == 1
    assert sum("NEU" in path or "HAP" in path for path in asked) == 1


def test_recordings_come_from_the_second_address_where_the_first_has_none(
    crema_d: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = replace(
        SOURCES["crema_d"],
        archives=(Archive(f"{crema_d.address}/crema.zip"),),
        recordings_at=(f"{crema_d.address}/none/", f"{crema_d.address}/AudioWAV/"),
    )
    monkeypatch.setitem(SOURCES, "crema_d", source)
    arguments = ("corpus", "fetch", "crema_d", "--to", "crema_d", "--accept-licence")
    invoke(*arguments, cwd=tmp_path)
    assert recordings(tmp_path) == CREMA_D


# ---------------------------------------------------------------------------- what is asked for


def test_the_licence_must_be_accepted_before_anything_is_asked_for(
    server: Server, tmp_path: Path
) -> None:
    address = f"{server.address}/emodb.zip"
    arguments = ("corpus", "fetch", "emodb", "--to", "emodb", "--from", address)
    done = invoke(*arguments, cwd=tmp_path, check=1)
    nothing(tmp_path, done)
    assert isinstance(done.error, LicenceRequired)
    assert "--accept-licence" in done.error.remedy
    assert server.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "kind", "facts"),
    [
        (("emodb",), TargetMissing, {"corpus": "emodb"}),
        (("manifest", "--to", "x"), NotFetchable, {"corpus": "manifest"}),
        (("synthetic", "--to", "x"), NotFetchable, {"corpus": "synthetic"}),
        (("audformat",), NotFetchable, {"fetchable": list(SOURCES)}),
        (("emodb", "--to", "full"), TargetNotEmpty, {"corpus": "emodb", "reason": ""}),
        (("emodb", "--to", "full/file"), TargetIsFile, {}),
        (("emodb", "--to", "/"), InvalidTarget, {"folder": Path("/")}),
        (("emodb", "--to", "full/file/emodb"), StorageError, {}),
        *[
            (("emodb", "--to", "x", "--from", address), kind, {"address": address})
            for address, kind in [
                ("ftp://a.example/x.zip", InvalidAddress),
                ("http://[/x.zip", InvalidAddress),
                ("file:///nowhere/x.zip", Unreachable),
                ("file:///", Unreachable),
                ("http://a..b/x.zip", Unreachable),
            ]
        ],
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
    command = ("corpus", "fetch", *arguments, "--accept-licence")
    done = invoke(*command, cwd=tmp_path, check=1)
    assert isinstance(done.error, kind)
    assert vars(done.error).items() >= facts.items()
    if "full" in arguments[-1]:
        assert str(tmp_path / "full") in done.error.what
    assert done.stdout == ""
    assert not (tmp_path / "x").exists()
    assert (tmp_path / "full/file").read_text() == "mine"


def test_a_licence_that_is_declined_ends_the_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked at a terminal, the user says no."""
    monkeypatch.setattr(fetch_command.sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    with pytest.raises(LicenceDeclined) as caught:
        fetch_command.corpus_fetch("emodb", to=tmp_path / "emodb")
    assert caught.value.corpus == "emodb"
    assert list(tmp_path.iterdir()) == []


def test_two_fetches_at_once_do_not_mix(server: Server, tmp_path: Path) -> None:
    server.faults = ["stall"]
    address = f"{server.address}/emodb.zip"
    thread = threading.Thread(target=slow, args=(tmp_path, address))
    thread.start()
    deadline = time.monotonic() + 10
    while not server.asked and time.monotonic() < deadline:
        time.sleep(0.01)
    done = fetch(tmp_path, address, check=1)
    assert isinstance(done.error, FetchRunning)
    assert done.error.target == tmp_path / "emodb"
    server.released.set()
    thread.join()
    whole(tmp_path)


def test_a_corpus_that_is_not_known_is_named_with_those_that_are(tmp_path: Path) -> None:
    done = invoke("corpus", "fetch", "emobd", "--to", "x", cwd=tmp_path, check=1)
    assert "'emobd'" in done.stderr and "emodb" in done.stderr


def test_iemocap_is_explained(tmp_path: Path) -> None:
    done = invoke("corpus", "fetch", "iemocap", cwd=tmp_path, check=1)
    assert "Session5" in done.stderr and done.stdout == ""


def slow(folder: Path, address: str) -> None:
    from ablation.corpora.download.fetch import fetch_corpus

    patience = resuming.Patience(timeout=20)
    fetch_corpus("emodb", folder / "emodb", lambda _: None, lambda _: None, patience, address)


def test_the_list_says_what_can_be_fetched(tmp_path: Path) -> None:
    listed = invoke("corpus", "list", cwd=tmp_path).stdout
    for name in SOURCES:
        assert f"ablate corpus fetch {name} --to FOLDER\n" in listed
    assert "fetch manifest" not in listed
