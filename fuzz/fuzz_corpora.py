"""Manifests, evaluation files of IEMOCAP, and names of recordings."""

import io
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from strategies import arguments, damaged, floats, integers, texts
from test_corpora import iemocap_tree
from trials import Trials

from ablation.corpora import Corpus, load_corpus
from ablation.corpora.doubts import corpus_doubts
from ablation.corpora.fingerprints import content_digests, corpus_fingerprint
from ablation.corpora.folds import make_folds

FILES = ("a.wav", "b.wav", "sub/c.flac", "ü.wav", "with blank.wav", "with,comma.wav")
HEADERS = (
    "file,speaker,label", "file,speaker,label,start,end,id", "FILE , Speaker,label", "file,label",
    "file;speaker;label", "file,speaker,label,file", "label,id,file,speaker",
    "file\tspeaker\tlabel", "sep=,", "sep=;\nfile;speaker;label",
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252", "utf-7")

numbers = st.tuples(st.integers(0, 5), st.integers(0, 9)).map(lambda pair: f"{pair[0]}.{pair[1]}")
cells = st.one_of(
    st.sampled_from([*FILES, "sub", "nosuch.wav", "a.WAV", "./a.wav", "sub/../a.wav"]),
    st.sampled_from(["sub\\c.flac", "file:///a.wav", "~/a.wav", "C:\\a.wav", "%20a.wav"]),
    st.sampled_from(["anna", "ben", "Anna", "angry", "neutral", "test", "correct", '"a,b"', '""']),
    st.sampled_from(["01", "1", "1.0", " 1", "an\u200bna", "ánna", "nan", "N/A", "-", "?", "None"]),
    numbers,
    floats.map(str),
    texts,
)


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """Tables with a header, most of them nearly a manifest."""
    header = HEADERS[1] if draw(st.integers(0, 3)) else draw(st.sampled_from(HEADERS) | texts)
    lines = [header]
    for number, file in enumerate(FILES):
        row = [file if "," not in file else f'"{file}"', ("anna", "ben", "carl")[number % 3]]
        row.append("angry" if number < 3 else "neutral")
        row += draw(st.sampled_from([["", "", ""], ["0", "1", ""], ["", "2.5", f"x{number}"]]))
        if draw(st.integers(0, 9)) == 0:
            row[draw(st.integers(0, len(row) - 1))] = draw(cells)
        if draw(st.integers(0, 60)) == 0:
            row.append(draw(cells))
        lines.append(",".join(row))
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
    encoding = "utf-8" if draw(st.integers(0, 3)) else draw(st.sampled_from(ENCODINGS))
    return (end.join(lines) + end).encode(encoding, "replace")


PLAIN = [
    b"file,speaker,label\na.wav,anna,angry\nb.wav,anna,neutral\n"
    b"sub/c.flac,ben,angry\nwith blank.wav,ben,neutral\n",
    b"file,speaker,label,start,end,id\na.wav,anna,angry,0,1,x\na.wav,ben,neutral,1,,y\n"
    b'"with,comma.wav",ben,angry,,2.5,z\n',
]
manifests = csv_files() | damaged(PLAIN)
label_maps = st.sampled_from([None] * 3 + [{"angry": "a", "neutral": "b"}] * 3) | st.one_of(
    st.dictionaries(
        st.sampled_from(["angry", "neutral", "x"]) | texts, st.sampled_from(["a", "b", ""]) | texts
    ),
    texts,
)


def use(corpus: Corpus) -> None:
    """What every command does with a corpus before it reads a recording."""
    corpus_doubts(corpus, content_digests(corpus))
    corpus.counts()
    corpus_fingerprint(corpus, content_digests(corpus))
    make_folds(corpus)
    make_folds(corpus, "speaker-groups", 2)
    make_folds(corpus, "speaker", pairs=len(corpus.speakers) > 2)


def recordings(folder: Path) -> None:
    for name in FILES:
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(name.encode())


def fuzz_manifests(fuzz: Trials, folder: Path) -> None:
    """CSV files in every spelling."""
    recordings(folder)
    file = folder / "manifest.csv"

    def attempt(example: tuple[bytes, Any]) -> None:
        content, labels = example
        file.write_bytes(content)
        use(load_corpus("manifest", file, labels))

    fuzz(st.tuples(manifests, label_maps), attempt)


ODD_COLUMNS: Sequence[tuple[pa.DataType, st.SearchStrategy[Any]]] = (
    (pa.string(), st.none() | cells),
    (pa.int64(), st.none() | st.integers(-3, 3)),
    (pa.float64(), st.none() | floats),
    (pa.bool_(), st.none() | st.booleans()),
    (pa.binary(), st.binary(max_size=4)),
    (pa.null(), st.none()),
    (pa.list_(pa.string()), st.none() | st.lists(cells, max_size=2)),
    (pa.struct([("a", pa.int64())]), st.none() | st.just({"a": 1})),
    (pa.timestamp("ns"), st.none() | st.integers(-(2**63), 2**63 - 1)),
    (pa.date32(), st.none() | st.just(date(2026, 1, 5))),
    (pa.decimal128(5, 2), st.none() | st.just(Decimal("1.50"))),
    (pa.duration("s"), st.none() | st.integers(0, 9)),
)


@st.composite
def parquet_manifests(draw: st.DrawFn) -> bytes:
    """Tables whose columns are of any type."""
    rows = len(FILES) if draw(st.integers(0, 3)) else 0
    columns: dict[str, pa.Array] = {
        "file": pa.array(FILES[:rows], pa.string()),
        "speaker": pa.array(["anna", "ben", "carl"] * (rows // 3), pa.string()),
        "label": pa.array(["angry"] * (rows // 2) + ["neutral"] * (rows // 2), pa.string()),
    }
    odd = st.sampled_from([*columns, "start", "end", "id", "x"])
    for name in draw(st.lists(odd, max_size=3)):
        kind, inner = draw(st.sampled_from(ODD_COLUMNS))
        columns[name] = pa.array([draw(inner) for _ in range(rows)], kind)
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    content = buffer.getvalue()
    return draw(damaged([content])) if draw(st.integers(0, 3)) == 0 else content


def fuzz_parquet_manifests(fuzz: Trials, folder: Path) -> None:
    """Manifests as parquet, some of them damaged."""
    recordings(folder)
    file = folder / "manifest.parquet"

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        use(load_corpus("manifest", file))

    fuzz(parquet_manifests(), attempt)


def fuzz_iemocap(fuzz: Trials, folder: Path) -> None:
    """Evaluation files of a small tree, one at a time damaged."""
    root = iemocap_tree(folder / "iemocap")
    files = sorted(root.glob("Session*/dialog/EmoEvaluation/*.txt"))
    contents = [file.read_bytes() for file in files]
    turn = st.builds(
        "[{} - {}]\t{}\t{}\t[2.5, 2.5, 2.5]\n".format,
        floats | st.just("1.5"),
        floats | st.just("2.5"),
        st.sampled_from(["Ses01F_impro01_F000", "Ses01F_impro01_M000", "Ses٠١F_impro01_F000"])
        | texts,
        st.sampled_from(["neu", "hap", "ang", "sad", "zzz"]) | texts,
    )
    whole = damaged(contents) | st.lists(turn, max_size=4).map("".join).map(str.encode)
    options = st.sampled_from([{}, {"dialogues": "scripted"}, {"dialogues": "all"}])
    odd = st.dictionaries(texts, texts | integers | floats, max_size=2)

    def attempt(example: tuple[int, bytes, Any, Any]) -> None:
        number, content, labels, given = example
        for place, (file, whole) in enumerate(zip(files, contents, strict=True)):
            file.write_bytes(content if place == number else whole)
        use(load_corpus("iemocap", root, labels, given))

    fuzz(
        st.tuples(
            st.integers(0, len(files) - 1),
            whole,
            label_maps | st.sampled_from(["hap", "exc"]),
            options | odd,
        ),
        attempt,
    )


def fuzz_names(fuzz: Trials, folder: Path) -> None:
    """Recordings called anything, in every corpus that goes by names, and any path as its root."""
    emodb = ("03a01Fa.wav", "08a01Wa.wav", "08b02Na.flac", "03a04Ea", "03a05Xa.wav")
    ravdess = ("03-01-05-01-02-01-07.wav", "03-01-01-01-02-01-08.flac", "03-01-99-01-02-01-07.wav")
    names = st.sampled_from([*emodb, *ravdess]) | arguments
    places = st.sampled_from(["wav", "Actor_07", "Actor_08", "Actor_9", ""])
    root = folder / "corpus"
    whole = [("wav", f"{s}a01{emotion}a.wav") for s in ("03", "08", "10") for emotion in "WNFT"]
    whole += [
        (f"Actor_{actor}", f"03-01-{emotion}-01-02-01-{actor}.wav")
        for actor in ("07", "08", "09")
        for emotion in ("01", "03", "04", "05")
    ]

    def attempt(example: tuple[str, list[tuple[str, str]], str | None]) -> None:
        kind, files, other = example
        shutil.rmtree(root, ignore_errors=True)
        for place, name in [*whole, *files]:
            with suppress(OSError, ValueError):  # no file can be called so
                path = root / place / os.path.basename(name)  # noqa: PTH119 - of any text
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"recording")
        use(load_corpus(kind, root if other is None else other))

    kinds = st.sampled_from(["emodb", "ravdess", "iemocap", "manifest", "synthetic"])
    files = st.lists(st.tuples(places, names), max_size=2)
    fuzz(st.tuples(kinds, files, st.sampled_from([None] * 4) | arguments), attempt)
