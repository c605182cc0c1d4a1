"""Kept networks and contrasts: their records and weights, damaged or edited."""

import json
from pathlib import Path

import pandas as pd
import safetensors.torch
from fuzz_results import contrast, table1
from hypothesis import strategies as st
from strategies import altered, damaged
from trials import Trials, Unfit

from ablation import load_network
from ablation.models.network import build_network
from ablation.reports import (
    Document,
    Section,
    Table,
    render_html,
    render_latex,
    render_markdown,
)
from ablation.reports.contrast import contrasts_table
from ablation.reports.sections.table1 import read_lines
from ablation.saved import record
from ablation.study import Shape, load_study

EXTREMES = (b"[" * 5000, b'{"a":' * 3000, b"9" * 5000, b'{"format": ' + b"9" * 5000 + b"}", b"{}")


def kept(folder: Path) -> record.Record:
    """A network that nobody trained, kept."""
    study = load_study(
        "demo", [("network.channels", [4, 4]), ("network.pools", [2]), ("network.filters", 2)]
    )
    shapes = [Shape(10, 2), Shape(2, 8)]
    model = build_network(shapes, "attention", 2, study.network, study.features)
    weights = safetensors.torch.save(model.state_dict())
    kept = record.Record(
        study="demo",
        title="CNN_TF_Att.pooling",
        pooling="attention",
        shapes=[str(shape) for shape in shapes],
        classes=["a", "b"],
        digest="0" * 12,
        network_digest="1" * 12,
        seed=0,
        fold="x",
        corpus=record.CorpusNote(
            name="demo", fingerprint="f", utterances=4, train_speakers=["y"], test_speakers=["x"]
        ),
        scores=record.ScoreNote(wa=0.5, ua=0.5, utterances=4, measured_on="x"),
        features=study.features,
        corpus_range=None,
        network=study.network,
        trained_in="float32",
        threads=1,
        parameters=100,
        multiply_adds=1000,
        weights=record.weights_digest(weights),
    )
    record.write(folder, kept, weights, "a card")
    return kept


def fuzz_kept_networks(fuzz: Trials, folder: Path) -> None:
    """What is loaded is what was kept: a change is noticed, whatever it is."""
    place = folder / "network"
    original = kept(place)
    text, weights = ((place / name).read_bytes() for name in (record.RECORD, record.WEIGHTS))
    tables = json.loads(text)
    edited = altered([tables]).map(lambda found: json.dumps(found, default=str).encode())
    half = text.replace(b'"demo"', b'"\\ud800"')
    records = st.just(text) | edited | damaged([text]) | st.sampled_from([*EXTREMES, half])

    def attempt(example: tuple[bytes, bytes]) -> None:
        for name, content in zip((record.RECORD, record.WEIGHTS), example, strict=True):
            (place / name).write_bytes(content)
        found = load_network(place)
        if found.record != original:
            raise Unfit("a record that was changed is taken")

    fuzz(st.tuples(records, st.just(weights) | damaged([weights])), attempt)


def fuzz_contrasts(fuzz: Trials, folder: Path) -> None:
    """Contrasts changed by hand: those that cannot be read are passed over."""
    tables = json.loads(contrast())
    edited = altered([tables]).map(lambda found: json.dumps(found, default=str).encode())
    file = folder / "contrasts" / "other-height-best-wa.json"
    file.parent.mkdir()

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        table = contrasts_table(folder)
        if table is not None:
            rendered(table)

    fuzz(edited | damaged([contrast()]) | st.sampled_from(EXTREMES), attempt)


def fuzz_table1(fuzz: Trials, folder: Path) -> None:
    """The record of Table 1's lines changed by hand: it counts as written, or not at all."""
    file = folder / "0123456789ab.table1.json"
    edited = altered([json.loads(table1())]).map(
        lambda found: json.dumps(found, default=str).encode()
    )

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        for found in read_lines(file) or ():
            pd.Series([0]).isin(found.seeds)
            pd.Series(["a"]).map(found.digests)

    fuzz(edited | damaged([table1()]), attempt)


def rendered(table: Table) -> None:
    """A table on every kind of page."""
    section = Section("tables", "Tables", tables=(table,))
    page = Document("title", "subtitle", "answer", (), (section,), (), ())
    for text in (render_html(page), render_markdown(page, {}), render_latex(table)):
        text.encode()
