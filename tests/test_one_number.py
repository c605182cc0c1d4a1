"""A report gives one number for one thing: headline, warnings, texts and tables agree."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.reports import Document, Table, show
from ablation.reports.study_report import document_of
from ablation.results.reading import Results
from ablation.results.run_record import Request, RunRecord
from ablation.results.schema import TABLES, arrow_table
from ablation.study import Shape, parse_study
from ablation.study.baselines import LOUDNESS

START = datetime(2026, 1, 5, tzinfo=UTC)
DIGEST = "0123456789ab"
SHAPE = r"\d+x\d+"


@st.composite
def studies(draw: st.DrawFn) -> Evidence:
    """A small study of made-up answers: some shapes better, some cells missing, perhaps a control.

    Counts are small, so that scores tie and lie between two digits.
    """
    random = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    classes = ("angry", "calm", "sad")[: draw(st.integers(2, 3))]
    speakers = [f"s{k}" for k in range(draw(st.integers(1, 8)))]
    heights, widths = (
        draw(st.lists(st.sampled_from((2, 4, 8, 10)), min_size=1, max_size=4, unique=True))
        for _ in range(2)
    )
    seeds = range(draw(st.integers(1, 2)))
    shapes = list(dict.fromkeys([*(Shape(h, 2) for h in heights), *(Shape(2, w) for w in widths)]))
    labels = {s: random.choice(classes, random.choice((4, 10, 16))) for s in speakers}
    for label in classes:  # everything is spoken
        labels[speakers[0]] = np.append(labels[speakers[0]], label)
    tables: dict[str, list[dict[str, Any]]] = {"probes": [], "references": [], "predictions": []}

    def cell(kind: str, name: str, speaker: str, seed: int, rate: float) -> None:
        true = labels[speaker]
        answers = np.where(random.random(len(true)) < rate, true, random.choice(classes, len(true)))
        add(tables, kind, name, speaker, seed, true, answers, classes)

    for shape in shapes:
        rate = random.choice((0.0, 0.3, 0.5, 0.9))
        for speaker in speakers:
            for seed in seeds:
                if random.random() > draw(st.sampled_from((0.0, 0.003))):
                    cell("probe", str(shape), speaker, seed, rate)
    if draw(st.booleans()):
        for title in ("log-mel SVM", LOUDNESS):
            rate = random.choice((0.0, 0.6))
            for speaker in speakers:
                cell("reference", title, speaker, 0, rate)
    counts = [sum(int((one == label).sum()) for one in labels.values()) for label in classes]
    run = RunRecord(
        parse_study({"name": "drawn"}, "test"), DIGEST, classes, tuple(counts), tuple(speakers),
        (Request("both", tuple(shapes), (40.0,), tuple(seeds), START),),
    )  # fmt: skip
    stored = StudyResults(Path("results"), run, results_of(tables, classes))
    metric = draw(st.sampled_from(("wa", "ua", classes[0])))
    return Evidence(stored, metric=metric, margin=draw(st.sampled_from((0.02, 0.05, 0.2))))


def add(
    tables: dict[str, list[dict[str, Any]]], kind: str, name: str, speaker: str, seed: int,
    true: np.ndarray, answers: np.ndarray, classes: tuple[str, ...],
) -> None:  # fmt: skip
    """Store the rows of a cell."""
    base = {"study": "drawn", "digest": DIGEST, "window_ms": 40.0, "seed": seed, "fold": speaker}
    for k, (label, predicted) in enumerate(zip(true, answers, strict=True)):
        what = {"utterance": f"{speaker}-{k}", "speaker": speaker, "n_segments": 1}
        said = {"label": str(label), "predicted": str(predicted)}
        tables["predictions"].append(base | {"kind": kind, "name": name} | what | said)
    right, accuracies = true == answers, []
    row = base | {
        "status": "ok", "started_at": START, "train_seconds": 1.0, "test_speakers": speaker,
        "n_test": len(true), "n_correct": int(right.sum()), "wa": float(right.mean()),
    }  # fmt: skip
    for label in classes:
        mine = true == label
        row |= {f"n_{label}": int(mine.sum()), f"correct_{label}": int(right[mine].sum())}
        if mine.any():
            accuracies.append(float(right[mine].mean()))
    row["ua"] = float(np.mean(accuracies))
    if kind == "reference":
        tables["references"].append(row | {"reference": name})
        return
    shape = Shape.parse(name)
    sides = {"height": shape.height, "width": shape.width}
    physical = {"height_hz": 10.0 * shape.height, "width_ms": 10.0 * shape.width}
    tables["probes"].append(row | sides | physical)


def results_of(tables: dict[str, list[dict[str, Any]]], classes: tuple[str, ...]) -> Results:
    frames: dict[str, Any] = {
        name: arrow_table(table, classes, tables.get(name, [])).to_pandas()
        for name, table in TABLES.items()
    }
    empty = {f"failed_{name}": frames[name].iloc[:0] for name in ("probes", "networks")}
    return Results(**frames, **empty)


Told = dict[tuple[str, str], set[str]]


def tables_of(document: Document) -> dict[str, Table]:
    return {table.name: table for table in document.tables}


def shown(table: Table) -> Iterator[dict[str, str]]:
    """The rows of a table as a reader sees them, by header."""
    for row in table.rows:
        cells = zip(table.columns, row, strict=True)
        yield {column.header: show(value, column.kind) for column, value in cells}


def prose(document: Document) -> list[str]:
    """Every sentence outside a table, the headline first."""
    return [
        document.answer,
        *document.lacking,
        *(text for section in document.sections for text in section.paragraphs),
    ]


def scores_told(document: Document, metric: str) -> Told:
    """Everything that is said to be the score of a shape, with and without its interval."""
    told: Told = defaultdict(set)

    def tell(shape: str, score: str, text: str) -> None:
        number, _, ends = text.replace(" %", "").partition(" ")
        if number:
            told[shape, score].add(number)
        if ends:
            told[shape, f"{score}, interval"].add(ends)

    tables = tables_of(document)
    for row in shown(tables["rules"]) if "rules" in tables else ():
        tell(row["shape"], metric, row[metric])
        if row["rule"] == "best":
            (score,) = re.findall(r"\(([\d.]+) %\)", row["reason"])
            tell(row["shape"], metric, score)
        else:
            for score in re.findall(rf"; {metric.split()[0]} ([\d.]+) %$", row["reason"]):
                tell(row["shape"], metric, score)
    axes = {"height": "{}x2", "width": "2x{}"}
    for name in (*axes, "shapes"):
        for row in shown(tables[name]) if name in tables else ():
            first = next(iter(row.values()))
            shape = axes.get(name, "{}").format(first)
            for header, text in row.items():
                score = header if header in ("WA", "UA") else f"{header} accuracy"
                if header in ("WA", "UA", "angry", "calm", "sad"):
                    tell(shape, score, text)
    for name, table in tables.items():
        for row in shown(table) if name.startswith("matched_") else ():
            tell(row["shape"], metric, row[metric])
    for text in prose(document):
        for shape, score in re.findall(rf"best probe, ({SHAPE}) \(WA ([\d.]+) %\)", text):
            tell(shape, "WA", score)
        for shape, score in re.findall(rf"probe by UA, ({SHAPE}), has ([\d.]+ \S+ \S+) %", text):
            tell(shape, "UA", score)
        for score, shape in re.findall(rf"highest: (\S+ % \S+ \S+) at ({SHAPE})", text):
            tell(shape, metric, score)
        for axis, extent, score in re.findall(
            r"beyond a (height|width) of (\d+) .*?, where .*? is (\S+ % \S+ \S+), no", text, re.I
        ):
            tell(axes[axis].format(extent), metric, score)
        for axis, extent, score in re.findall(
            r"largest (height|width) of the grid, (\d+) .*?, where it is (\S+ % \S+ \S+):", text
        ):
            tell(axes[axis].format(extent), metric, score)
        if found := re.match(
            rf"Shapes with the same .*?: ((?:{SHAPE} \S+ %, )*{SHAPE} \S+ %)", text
        ):
            for shape, score in re.findall(rf"({SHAPE}) (\S+) %", found[1]):
                tell(shape, metric, score)
    return told


def numbers_of_tests(document: Document, evidence: Evidence) -> None:
    """How many comparisons, how many of them differ, which, and the smallest p."""
    tables, answer, texts = tables_of(document), document.answer, " ".join(prose(document)[1:])
    pairs = {name: tables[f"pairs_{name}"] for name in evidence.axes if f"pairs_{name}" in tables}
    if pairs and (
        found := re.search(r"(none of (\d+)|the only) comparison.*adjusted p (\S+)[),]", answer)
    ):
        rows = [row for table in pairs.values() for row in shown(table)]
        assert int(found[2] or 1) == len(rows)
        adjusted = [p for table in pairs.values() for p in column(table, "family-wise adjusted p")]
        assert found[3].rstrip(",)") == show(min(adjusted), "p")
    for name, table in pairs.items():
        rows = list(shown(table))
        said = re.search(
            rf"{name.capitalize()}: of (\d+) pairs?, (\d+) (?:is|are) significantly different .*?"
            rf"; the best, ({SHAPE}), is (not|significantly)(.*?)\.",
            texts,
        )
        assert said is not None
        assert (int(said[1]), int(said[2])) == (len(rows), len(table.marked))
        best = [row for row in rows if said[3] in (row["first"], row["compared with"])]
        alike = [row for row in best if float(row["family-wise adjusted p"].strip("<")) > 0.05]
        told = re.findall(SHAPE, said[5]) or (best if "any other" in said[5] else [])
        assert len(told) == len(alike) and (said[4] == "not") == bool(alike)
        if found := re.search(rf"(\d+) of (\d+) other {name}s?", answer):
            assert (int(found[1]), int(found[2])) == (len(alike), len(best))
        verdicts_agree(name, table, texts, evidence.margin)
        if f"against_{name}" in tables:
            differences_agree(table, tables[f"against_{name}"])


def column(table: Table, header: str) -> list[Any]:
    (at,) = [k for k, one in enumerate(table.columns) if one.header == header]
    return [row[at] for row in table.rows]


def verdicts_agree(name: str, table: Table, texts: str, margin: float) -> None:
    """The counts of each verdict, and which margins the study can show at all."""
    said = re.search(
        rf"{name.capitalize()}: of (\d+) comparisons?, (\d+) different, (\d+) practically "
        rf"equivalent within ±(\S+) points, (\d+) undecided. (.*?)(?: points)?\.(?: |$)",
        texts,
    )
    assert said is not None
    verdicts = column(table, "verdict")
    assert int(said[1]) == len(verdicts)
    for text, verdict in zip((said[2], said[3], said[5]), VERDICTS, strict=True):
        assert int(text) == verdicts.count(verdict)
    assert float(said[4]) == pytest.approx(100 * margin)
    smallest = re.search(r"±(\S+)$", said[6])
    within = smallest is not None and float(smallest[1]) <= 100 * margin + 1e-9
    assert within == (min(column(table, "p (equivalence)")) <= 0.05)


VERDICTS = ("different", "equivalent", "undecided")


def differences_agree(pairs: Table, against: Table) -> None:
    """Two shapes differ by as much, and with the same p, whichever family they are in."""
    told = {}
    for row in shown(pairs):
        difference = re.sub("[+−]", "", row_difference(row).partition(" ")[0])
        told[frozenset((row["first"], row["compared with"]))] = (difference, row["p"])
    for row in shown(against):
        difference = re.sub("[+−]", "", row_difference(row).partition(" ")[0])
        assert told[frozenset((row["first"], row["compared with"]))] == (difference, row["p"])


def row_difference(row: dict[str, str]) -> str:
    (found,) = [text for header, text in row.items() if header.startswith("difference in ")]
    return found


def numbers_of_people(document: Document, evidence: Evidence) -> None:
    """Speakers, folds and seeds, and the difference that so many can show."""
    facts, texts = dict(document.facts), prose(document)
    remarks = [c.remark for table in document.tables for c in table.columns]
    notes = [note for table in document.tables for note in table.notes]
    everything = " ".join((*texts, *remarks, *notes))
    folds = len(facts["folds"].split(", "))
    assert f"{folds} fold" in document.subtitle
    assert {int(n) for n in re.findall(r"[Ww]ith (\d+) speaker", everything)} <= {folds}
    seeds = len(facts["seeds"].split(", "))
    assert {int(n) for n in re.findall(r"and (\d+) seed", everything)} <= {seeds}
    words = r"has 80 % power only from about ([\d.]+) points"
    if above := re.findall(words, texts[0]):
        assert max(re.findall(words, " ".join(texts[1:])), key=float) == above[0]


def numbers_of_learning(document: Document, evidence: Evidence) -> None:
    """The majority class, the highest score, and how many shapes are no better."""
    tables, everything = tables_of(document), " ".join(prose(document))
    majority = show(evidence.run.majority, "percent")
    assert set(re.findall(r"majority class \(([\d.]+) %\)", everything)) <= {majority}
    scores = [
        wa.estimate
        for table in (tables[name] for name in ("height", "width") if name in tables)
        for wa, row in zip(column(table, "WA"), shown(table), strict=True)
        if row["cells"] == row.get("planned", row["cells"])
    ]
    said = re.search(r"(\d+) of (\d+) scores? .*? the highest WA is (\S+)", document.answer)
    if said is not None:
        assert said[3] == show(max(scores), "percent")
        low = sum(score <= evidence.run.majority for score in scores)
        assert (int(said[1]), int(said[2])) == (low, len(scores))
    alone = re.findall(r"hears nothing \S+.*? has a UA of ([\d.]+)", everything)
    assert len(set(alone)) <= 1


# Nearly all of a study is drawn by its seed, which cannot be made simpler.
FEW = settings(
    max_examples=20,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)


@FEW
@given(studies())
def test_the_headline_the_texts_and_the_tables_agree(evidence: Evidence) -> None:
    document = document_of(evidence, [], {}, [])
    metric = {"wa": "WA", "ua": "UA"}.get(evidence.metric, f"{evidence.metric} accuracy")
    told = scores_told(document, metric)
    two = {thing: numbers for thing, numbers in told.items() if len(numbers) > 1}
    assert not two
    numbers_of_tests(document, evidence)
    numbers_of_people(document, evidence)
    numbers_of_learning(document, evidence)
