"""What the documentation tells a reader to type runs, and what it shows is what is printed."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from documented import (
    ROOT,
    answers,
    blocks,
    corpora_of_others,
    emodb,
    links,
    named_recordings,
    noise,
    own_recordings,
    ravdess,
    shrunk,
    typed,
    words,
)
from running import Invoked, invoke
from test_corpora import iemocap_tree

from ablation.executors import EXECUTORS, InProcessExecutor
from ablation.figures import style

README, TUTORIAL = ROOT / "README.md", ROOT / "docs" / "tutorial.md"
CORPORA = ROOT / "docs" / "how-to" / "corpora.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINKING = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md"]

# What no test can type, and why. Nothing else may be left out.
SHELL = "set-up, or another program's command"
HOURS = "half an hour or more of two cores; its rows are in results/ (tests/test_real_results.py)"
AT_HOME = "writes into the home of whoever types it"
ELSEWHERE = "needs machines or cards that are not here"
HOMES = "needs a corpus' home or a mirror of it (tests/test_fetch.py has one of its own)"
TESTED = "a minute more; other axes of that kind are trained in tests/test_field_axes.py"
FILLED_IN = "the reader's own file stands in its place"
NOT_RUN = {
    "python3 -m venv .venv": SHELL,
    ". .venv/bin/activate": SHELL,
    "pip install -c constraints.txt -e .": SHELL,
    "make demo": SHELL,
    "make test": SHELL,
    "make check": SHELL,
    "make docs": SHELL,
    "make reference": SHELL,
    "ablate --install-completion bash": AT_HOME,
    "ablate promote --best --nested --pooling all --study emodb --corpus-root PATH/emodb"
    " --set network.training.steps=160 --no-final": HOURS,
    "ablate promote --best --nested --pooling all --study ravdess --corpus-root PATH/ravdess"
    " --set network.training.steps=160 --no-final": HOURS,
    "ablate promote --shapes 10x2,2x8 --study mine.toml --baselines all --pooling all": HOURS,
    "ablate promote --shapes 10x2,2x8 --study mine.toml --baselines dnn-elm,log-mel-svm"
    " --set baselines.dnn-elm.preset=han2014": HOURS,
    "ablate promote --shapes 10x2,2x8 --study mine.toml --baselines all"
    " --set baselines.epochs=1": HOURS,
    "pytest tests/test_networks.py tests/test_saved.py -k every_pooling": SHELL,
    "pytest tests/test_front_ends.py": SHELL,
    "ablate grid --axis features.scale --values magnitude,log --study demo"
    " --set training.steps=20": TESTED,
    "ablate grid --axis probe.dilation --values 1x1,2x1 --study demo"
    " --set training.steps=20": TESTED,
    "dask scheduler --host 127.0.0.1": SHELL,
    "dask worker tcp://127.0.0.1:8786 --nthreads 1": SHELL,
    "dask worker tcp://127.0.0.1:8786 --nthreads 1 --resources GPU=1": SHELL,
    "ablate grid --axis both --study emodb --cluster tcp://127.0.0.1:8786"
    " --devices cuda": ELSEWHERE,
    "#!/bin/bash": SHELL,
    "#SBATCH --array=0-7": SHELL,
    "#SBATCH --cpus-per-task=4": SHELL,
    "#SBATCH --mem=8G": SHELL,
    "#SBATCH --time=04:00:00": SHELL,
    "ablate grid --axis both --study emodb --cluster tcp://127.0.0.1:8786": ELSEWHERE,
    "ablate grid --axis both --study mine.toml --cluster tcp://head:8786": ELSEWHERE,
    "ablate grid --axis both --study emodb --results /shared/results"
    " --shard $SLURM_ARRAY_TASK_ID/8": ELSEWHERE,
    "ablate grid --axis both --study emodb --devices cuda:0,cuda:1"
    " --workers-per-device 2": ELSEWHERE,
    "pip install -c constraints.txt -e '.[audformat]'": SHELL,
    "pip install -c constraints.txt -e '.[huggingface]'": SHELL,
    "ablate corpus fetch ravdess --to corpora/ravdess": HOMES,
    "ablate corpus fetch tess --to corpora/tess --accept-licence"
    " --from http://127.0.0.1:8765/tess.zip": HOMES,
    "ablate predict FILE...": FILLED_IN,
    "ablate predict FILE... --segments": FILLED_IN,
    "ablate predict FILE... --csv": FILLED_IN,
    "ablate predict FILE... --json": FILLED_IN,
    "ablate predict FILE... --network FOLDER": FILLED_IN,
    "ablate explain FILE": FILLED_IN,
}

REFUSED = [  # the page shows the refusal
    "ablate init coded --yes",
    "ablate corpus check --corpus audformat --corpus-root databases/moods"
    " --set corpus.options.table=lables",
    "ablate corpus check --corpus huggingface --corpus-root splits",
]

# Pages whose commands share a folder, in the order of a reader who goes from one to the next.
STORIES = {
    "own": [
        "README.md",
        "docs/how-to/own-corpus.md",
        "docs/how-to/search.md",
        "docs/explanation/statistics.md",
        "docs/how-to/clusters.md",
    ],
    "shipped": [
        "docs/how-to/resume-and-share.md",
        "docs/how-to/own-network.md",
        "docs/explanation/networks.md",
        "docs/how-to/own-axis.md",
        "docs/how-to/plan.md",
        "docs/how-to/gpu.md",
        "docs/reference/files.md",
    ],
    "corpora": ["docs/how-to/corpora.md"],
    "paper": ["docs/how-to/reproduce-paper.md"],
}


def test_every_page_with_commands_is_in_a_story_and_every_exception_is_written_down() -> None:
    told = {ROOT / name for names in STORIES.values() for name in names} | {TUTORIAL}
    others = {command for page in PAGES if page not in told for command in typed(page)}
    assert others <= set(NOT_RUN)
    everything = {command for page in PAGES for command in typed(page)}
    assert not set(NOT_RUN) - everything  # no exception outlives its command
    run = everything - set(NOT_RUN)
    assert all(command.startswith("ablate ") for command in run)
    assert len(run) > 40


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Cells are trained in this process: a worker's start costs more than a small cell.

    Rows do not depend on it (tests/test_execution.py runs one contract over all executors).
    Estimates rest on few shapes.
    """
    threads = torch.get_num_threads()
    monkeypatch.setitem(EXECUTORS, "local", InProcessExecutor)
    monkeypatch.setitem(style.RC, "savefig.dpi", 50)  # nobody looks at these figures
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A working folder with small corpora and studies under the names that pages use."""
    own_recordings(tmp_path / "mine")
    named_recordings(tmp_path)
    corpora_of_others(tmp_path)
    (tmp_path / "turns.toml").write_text(fenced(CORPORA, "# turns.toml"))
    emodb(tmp_path / "PATH" / "emodb")
    ravdess(tmp_path / "PATH" / "ravdess")
    iemocap_tree(tmp_path / "PATH" / "IEMOCAP_full_release")
    for file in (tmp_path / "PATH" / "IEMOCAP_full_release").rglob("*.wav"):
        noise(file)
    (tmp_path / "mine.toml").write_text(shrunk(fenced(README, "# mine.toml")))
    (tmp_path / "studies").mkdir()
    few: dict[str, Any] = {"grid": {"heights": [2, 10], "widths": [2, 8]}}
    heard = {"corpus": {"name": "manifest", "root": str(tmp_path / "mine" / "manifest.csv")}}
    for shipped in (ROOT / "studies").glob("*.toml"):
        text = shrunk(shipped.read_text(), **few, **(heard if shipped.stem == "demo" else {}))
        (tmp_path / shipped.stem).write_text(text)
        (tmp_path / "studies" / shipped.name).write_text(text)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "results").symlink_to(tmp_path / "results")
    return tmp_path


def shrink(study: Path) -> None:
    """As small a study as the others of the shelf."""
    grid = {"heights": [2, 10], "widths": [2, 8]}
    study.write_text(shrunk(study.read_text(), grid=grid))


def fenced(page: Path, first_line: str) -> str:
    """The block of a page that begins with this line."""
    (found,) = [block for block in blocks(page) if block.text.startswith(first_line + "\n")]
    return found.text


@pytest.mark.usefixtures("at_hand", "undrawn")
@pytest.mark.parametrize("story", STORIES)
def test_every_command_of_the_pages_runs(story: str, shelf: Path) -> None:
    done: set[str] = set()
    if story == "shipped":  # another page's commands made these
        invoke(*words("ablate grid --axis height --values 2,3 --study emodb"
                      " --corpus-root PATH/emodb"), cwd=shelf)  # fmt: skip
    for name in STORIES[story]:
        page = ROOT / name
        for block in blocks(page):
            if found := re.match(r"# (\w+\.py)\n", block.text):
                (shelf / found[1]).write_text(block.text)
        for command in typed(page):
            if command not in NOT_RUN and command not in done:
                print(command)  # shown when it fails
                invoke(*words(command), cwd=shelf, check=int(command in REFUSED))
                done.add(command)
                if command.startswith("ablate init ") and command not in REFUSED:
                    shrink(shelf / f"{words(command)[1]}.toml")
        for block in blocks(page):
            if "import ablation" in block.text and "networks/NAME" not in block.text:
                with contextlib.chdir(shelf):
                    exec(block.text, {})
    assert done


@pytest.mark.usefixtures("at_hand", "undrawn")
def test_the_tutorial_shows_what_is_printed(tmp_path: Path) -> None:
    """With the settings shown, but for a network of fewer steps, whose scores are not compared."""
    study = fenced(TUTORIAL, "# speech.toml")
    assert study.count("steps = 60\n") == 1
    (tmp_path / "speech.toml").write_text(study.replace("steps = 60\n", "steps = 4\n"))
    shown = answers(TUTORIAL)
    printed: dict[str, Invoked] = {}
    for command in typed(TUTORIAL):
        if command not in NOT_RUN:
            printed[command] = invoke(*words(command), cwd=tmp_path)
    assert len(shown) >= 9
    assert set(shown) <= set(printed)
    for command, text in shown.items():
        assert_shown(text, printed[command].stdout, command)
    grid = "ablate grid --axis both --study speech.toml"
    scores = zip(table(shown[grid]), table(printed[grid].stdout), strict=True)
    for told, found in scores:  # the same but for another processor's rounding
        assert told[:2] == found[:2] and told[4] == found[4]
        assert float(told[2]) == pytest.approx(float(found[2]), abs=5)


def table(text: str) -> list[list[str]]:
    """Rows of a curve as ``ablate grid`` prints it: extent, its unit, WA, UA, cells."""
    return [line.split() for line in text.splitlines() if re.match(r" +\d+ +\d+ +\d", line)]


# Words that depend on scores or on the machine: answers in sentences, the class of a recording, the
# networks' place, hours and memory.
BY_CHANCE = re.compile(r"No filter|memory: |\w+ +[\d.]+%  |time: |results/speech/networks/")


def assert_shown(shown: str, printed: str, command: str) -> None:
    """Every line shown is printed: to the letter without numbers, but for what scores decide."""
    found = {plain(line) for line in printed.splitlines()}
    for line in shown.splitlines():
        if line != "..." and not BY_CHANCE.match(line):
            assert plain(line) in found, f"{command}: {line!r} is not in\n{printed}"
    if command.startswith("ablate corpus"):
        assert shown == printed


def plain(line: str) -> str:
    """A line without numbers, digests and stars of significance, which training decides."""
    line = re.sub(r"\b[0-9a-f]{12}\b", "DIGEST", line).removeprefix("*")
    if re.match(r"( *(height|width)\b|shapes:|fold |cells:|probes:|figures/)", line):
        return " ".join(line.split())
    return " ".join(re.sub(r"[−+-]?\d+(\.\d+)?", "#", line).split())


def test_the_pooling_that_is_shown_passes_the_contract() -> None:
    """As a class of the module it is to be written into; the registry line is the page's too."""
    from ablation.models.network import pooling
    from ablation.study import NetworkSpec

    page = ROOT / "docs" / "how-to" / "own-pooling.md"
    made = vars(pooling).copy()
    module, registry = [block.text for block in blocks(page) if block.language == "python"]
    exec(module, made)
    exec(registry.replace("    ...\n", ""), made)
    head = made["POOLINGS"]["norm"](6, 3, NetworkSpec())
    maps = torch.rand(2, 6, 4, 5, requires_grad=True)
    scores = head(maps)
    assert scores.shape == (2, 3)
    scores.sum().backward()
    assert maps.grad is not None and maps.grad.isfinite().all()


def test_the_front_end_that_is_shown_passes_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the module and the registry line that the page says."""
    import sys
    from types import ModuleType

    from test_front_ends import keeps_the_contract

    from ablation.study import FeaturesSpec, front_ends
    from ablation.study.extents import hz_text

    page = ROOT / "docs" / "how-to" / "own-front-end.md"
    module, line = [block.text for block in blocks(page) if block.language == "python"]
    made = ModuleType("octaves")
    exec(module, vars(made))
    monkeypatch.setitem(sys.modules, "ablation.features.front_ends.octaves", made)
    registry = vars(front_ends).copy()
    exec(line.replace("    ...\n", ""), registry)
    monkeypatch.setitem(front_ends.FRONT_ENDS, "octaves", registry["FRONT_ENDS"]["octaves"])
    keeps_the_contract("octaves")
    assert hz_text(FeaturesSpec(kind="octaves"), 3) == (
        "100, 400 and 1600 Hz at the lowest, middle and highest band"
    )


def test_the_pages_made_from_the_code_are_up_to_date() -> None:
    from documentation.reference import FOLDER, pages

    for name, text in pages().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "run: make reference"


def test_every_option_field_and_column_has_a_meaning_and_no_meaning_is_left_over() -> None:
    from ablation.results.schema import TABLES, schema
    from documentation import columns, commands, settings

    for path, command in commands.commands():
        assert command.help, path
    tables = {
        (path.removeprefix("network.") if path.startswith("network.training") else path) or "top":
        settings.fields(found)
        for path, found in settings.tables()
    }  # fmt: skip
    for name, of in settings.MEANINGS["study"].items():
        assert set(of) == set(tables.pop(name))
    for path, described in tables.items():  # by the model alone
        assert all(field.get("description") for field in described.values()), path
    named = {name for found in TABLES.values() for name in schema(found, [columns.CLASS]).names}
    assert set(columns.MEANINGS["columns"]) == named


def test_the_citation_has_the_version_of_the_package() -> None:
    from ablation import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_a_page_that_loads_something_from_elsewhere_is_found() -> None:
    from documentation.closed import requests_elsewhere

    page = """<link rel="canonical" href="https://a.example/">
    <link rel="stylesheet" href="site.css">
    <a href="https://a.example/">no request</a><script src="https://b.example/x.js"></script>
    <link rel="stylesheet" href="//c.example/y.css"><img src="figure.png">"""
    assert requests_elsewhere(page) == ["https://b.example/x.js", "//c.example/y.css"]


def test_every_link_leads_to_a_file_of_the_repository() -> None:
    for page in LINKING:
        for link in links(page):
            assert (page.parent / link).exists(), f"{page}: {link}"
