"""Study files, what ``--set`` and other options say, and settings as run."""

import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import strategies as st
from pydantic import BaseModel
from strategies import altered, arguments, damaged, texts, values
from trials import Trials, Unfit

from ablation.cli import grid, options
from ablation.results import run_record
from ablation.runs.promote import chosen_poolings
from ablation.runs.status import status_of
from ablation.study import Shape, Study, at_window, load_study, override_study, shipped_studies
from ablation.study.reading import parse_override

SHIPPED = [path.read_bytes() for path in sorted(shipped_studies().glob("*.toml"))]
REQUESTS = (
    run_record.Request(
        "both", (Shape(2, 2), Shape(10, 2)), (40.0,), (0, 1), datetime(2026, 1, 5, tzinfo=UTC)
    ),
)


def fields(spec: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every field of a study."""
    for name, field in spec.model_fields.items():
        yield (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, (*above, name))


FIELDS = list(fields(Study))
SETTINGS_FIELDS = [("as_run", name) for name in ("digest", "classes", "counts", "folds", "asked")]
EXTREMES = (
    *(f"x = {'[' * n}{']' * n}" for n in (50, 300, 600)),
    *(f"x = {'{a=' * n}1{'}' * n}" for n in (50, 600)),
    f"[{'.'.join('a' * 600)}]",
    f"[corpus.options{'.a' * 300}]",
    f"x = {'9' * 5000}",
    f"x = 0x{'f' * 5000}",
    f"[training]\nsteps = {'9' * 4000}",
    f"[features]\nsample_rate = {'9' * 4000}",
    "[features]\nsegment_s = 1e308",
    "x = 1e999999",
    "x = 9999-12-31T23:59:60Z",
    "'' = ''",
)


def written(tables: Any) -> bytes:
    """Tables as a TOML file."""
    return tomli_w.dumps(tables).encode()


def toml_files(tables: list[Any], paths: list[tuple[str, ...]]) -> st.SearchStrategy[bytes]:
    """Files of garbage, of flipped bytes, and of odd values in every field."""
    contents = [written(table) for table in tables]
    return (
        altered(tables, paths).map(written)
        | damaged(contents)
        | st.tuples(st.sampled_from([b"", *contents]), st.sampled_from(EXTREMES)).map(
            lambda pair: pair[1].encode() + b"\n" + pair[0]
        )
        | texts.map(str.encode)
    )


@st.composite
def overrides(draw: st.DrawFn) -> list[str]:
    """What follows ``--set``, some of it as it should be."""
    found = []
    for _ in range(max(0, draw(st.integers(-3, 3)))):
        path = ".".join(draw(st.sampled_from(FIELDS))) if draw(st.booleans()) else draw(arguments)
        if draw(st.booleans()):
            value = tomli_w.dumps({"v": draw(values)}).removeprefix("v = ").strip()
        else:
            value = draw(arguments | st.sampled_from([text[4:] for text in EXTREMES]))
        found.append(f"{path}={value}" if draw(st.integers(0, 9)) else draw(arguments))
    return found


STUDIES = toml_files([tomllib.loads(content.decode()) for content in SHIPPED], FIELDS)


def fuzz_study_files(fuzz: Trials, folder: Path) -> None:
    """What is taken is a study: it has a digest and can be written down and read again."""
    file = folder / "study.toml"

    def attempt(example: tuple[bytes, list[str], str | None, str | None]) -> None:
        content, given, corpus, root = example
        file.write_bytes(content)
        overrides = [parse_override(text) for text in given]
        use(load_study(file, overrides, corpus, None if root is None else Path(root)), folder)

    root = st.sampled_from([None] * 3) | arguments
    corpus = st.sampled_from([None, "emodb", "manifest"]) | arguments
    fuzz(st.tuples(STUDIES, overrides(), corpus, root), attempt)


def use(study: Study, folder: Path) -> None:
    """What every command does with a study before it trains anything."""
    features = study.features
    sizes = (features.height, features.width, features.window_samples, features.hop_samples)
    if min(sizes) < 1:
        raise Unfit(f"a spectrogram of {sizes}")
    digest = study.digest("corpus")
    study.network_digest(digest, ["10x2"], "code")
    at_window(study, features.window_ms)
    override_study(study, [("training.steps", 3)])
    run = run_record.RunRecord(study, digest, ("a", "b"), (1, 2), ("x", "y"), REQUESTS, "corpus")
    place = run_record.study_folder(folder, study.name) / "studies" / f"{digest}.toml"
    place.unlink(missing_ok=True)
    run_record.save(folder, run)
    again = run_record.load(place)
    if again.study.digest("corpus") != digest:
        raise Unfit(f"read again, it has another digest: {place.read_text()}")


def fuzz_options(fuzz: Trials, folder: Path) -> None:
    """The texts of the command line's options."""
    del folder
    base = load_study("demo")
    takers: list[Callable[[str], object]] = [
        lambda text: grid.Cells(grid.AxisName.height, text).overrides(),
        lambda text: grid.Cells(windows=text).overrides(),
        lambda text: options.Repeats(seeds=text).overrides(),
        lambda text: options.Repeats(folds=text).overrides(),
        lambda text: options.Workers(3, text, 1).overrides(),
        lambda text: options.Machines(cluster=text).overrides(),
        lambda text: grid.parse_shard(text),
        lambda text: grid.Cells(shapes=text).requested(base),
        lambda text: grid.Cells(matched=text).requested(base),
        lambda text: chosen_poolings(text.split(",")),
        lambda text: at_window(base, *options.parse_numbers("--windows", text, float)[:1]),
        lambda text: load_study(text),
    ]

    def attempt(example: tuple[Callable[[str], object], str]) -> None:
        taker, text = example
        found = taker(text)
        if isinstance(found, list) and isinstance(next(iter(found), None), tuple):
            override_study(base, found)

    words = arguments | st.integers(0, 99).map(str) | st.sampled_from(["10x2", "2x8:3", "9" * 5000])
    joined = st.tuples(st.sampled_from(",/x:"), st.lists(words, max_size=3))
    fuzz(
        st.tuples(st.sampled_from(takers), joined.map(lambda pair: pair[0].join(pair[1]))), attempt
    )


def fuzz_settings_as_run(fuzz: Trials, folder: Path) -> None:
    """What is taken can be asked everything that commands ask of it."""
    study = load_study("emodb")
    run = run_record.RunRecord(study, "0" * 12, ("a", "b"), (3, 4), ("x", "y"), REQUESTS, "corpus")
    run_record.save(folder, run)
    files = run_record.study_folder(folder, "emodb") / "studies"
    tables = tomllib.loads((files / f"{run.digest}.toml").read_text())
    other = tables | {"as_run": tables["as_run"] | {"digest": "f" * 12}}

    def attempt(content: bytes) -> None:
        (files / f"{'f' * 12}.toml").write_bytes(content)
        found = run_record.find_run(folder, "emodb")
        run_record.find_run(folder, "emodb", "f")
        if not 0 < found.majority <= 1:
            raise Unfit(f"a majority of {found.majority}")
        found.seeds()
        status_of(folder, found)
        run_record.save(folder, run)

    plain = tomllib.loads(SHIPPED[0].decode())
    noted = altered([other["as_run"]]).map(lambda table: written(other | {"as_run": table}))
    fuzz(noted | toml_files([other, plain], [*SETTINGS_FIELDS, *FIELDS]), attempt)
