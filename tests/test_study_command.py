"""``ablate study``, completion as a shell asks for it, and wrong usage with the right word."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from running import command, invoke, train

from ablation.cli import completion
from ablation.cli.options import Machines
from ablation.study import (
    Study,
    load_study,
    override_study,
    shipped_studies,
    study_fields,
)

# ------------------------------------------------------------------------------ ablate study


def test_a_study_is_shown_as_it_would_run(tmp_path: Path) -> None:
    shown = invoke("study", "show", "--study", "emodb", "--set", "training.steps=7", cwd=tmp_path)
    (tmp_path / "shown.toml").write_text(shown.stdout)
    assert load_study(tmp_path / "shown.toml") == load_study("emodb", [("training.steps", 7)])
    assert "epochs" not in tomllib.loads(shown.stdout)["training"]
    assert "probe" not in tomllib.loads(shown.stdout)  # all of its fields have their defaults


def test_all_of_a_study_is_the_same_study(tmp_path: Path) -> None:
    for file in shipped_studies().glob("*.toml"):
        shown = invoke("study", "show", "--study", file.stem, "--all", cwd=tmp_path).stdout
        (tmp_path / "shown.toml").write_text(shown)
        assert load_study(tmp_path / "shown.toml") == load_study(file.stem)
        assert tomllib.loads(shown)["features"]["floor_db"] == 80.0


def test_shipped_studies_are_listed_with_a_line_each(tmp_path: Path) -> None:
    lines = invoke("study", "list", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted(
        file.stem for file in shipped_studies().glob("*.toml")
    )
    assert next(line for line in lines if line.startswith("emodb ")).endswith(
        "EmoDB, the paper's four classes."
    )


# ------------------------------------------------------------------------------------ schema


def properties(node: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[Any]:
    """Every property of a schema, by its name as in ``--set``."""
    for name, field in node["properties"].items():
        yield f"{path}{name}", field
        if "$ref" in field:
            *_, table = field["$ref"].split("/")
            yield from properties(schema["$defs"][table], schema, f"{path}{name}.")


def test_the_schema_says_what_every_field_is(tmp_path: Path) -> None:
    schema = json.loads(invoke("study", "schema", cwd=tmp_path).stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    found = dict(properties(schema, schema))
    assert set(found) - {"as_run"} == {name.rstrip(".") for name, _ in study_fields()}
    for name, field in found.items():
        assert len(field.get("description", "")) > 3, name
        assert "title" in field or "$ref" in field or name == "as_run", name
    assert "null" not in json.dumps(schema)  # TOML has none
    assert found["training.optimizer"]["enum"] == ["sgd", "adam", "adamw"]
    assert found["features.sample_rate"]["minimum"] == 1000
    assert found["training.steps"]["type"] == "integer"


# -------------------------------------------------------------------------------- completion


def test_a_shell_completes_fields_without_loading_anything_heavy(tmp_path: Path) -> None:
    line = "ablate\ngrid\n--set\ntraining.opt"
    asking = {"_ABLATE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "3"}
    code = (
        "import sys; sys.argv = ['ablate']\n"
        "from ablation.cli import main\n"
        "try:\n    main()\n"
        "finally: print({'torch', 'pandas', 'scipy', 'numba'} & {*sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | asking, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stderr.strip() == "set()"
    assert done.stdout.split() == [
        f"training.optimizer={name}" for name in ("sgd", "adam", "adamw")
    ]


def completed(line: str, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    monkeypatch.setenv("_ABLATE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    return invoke(cwd=cwd).stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ablate gri", ["grid"]),
        ("ablate study s", ["show", "schema"]),
        ("ablate grid --ax", ["--axis"]),
        ("ablate grid --axis ", ["height", "width", "both", "product"]),
        ("ablate grid --axis training.sp", ["training.speakers"]),
        ("ablate compare --axis h", ["height"]),
        ("ablate plot --study em", ["emodb", "emodb-300"]),
        ("ablate plot --study mi", ["mine.toml"]),
        ("ablate plot --study here/", []),  # the shell knows files itself
        ("ablate grid --corpus r", ["ravdess"]),
        ("ablate promote --pooling gap,at",
         ["gap,attention", "gap,attention-sum", "gap,attention-class"]),
        ("ablate promote --rule ", ["best", "one-se", "plateau"]),
        ("ablate report --metric ", ["wa", "ua"]),
        ("ablate search --sampler n", ["nsga2"]),
        ("ablate grid --set netw", ["network." + name for name in (
            "conv1=", "filters=", "channels=", "pools=", "bias=", "pooling=", "attention=",
            "attention_maps=", "bilinear_order=", "factory=", "options=", "precision=",
            "layout=", "training.")]),
        ("ablate grid --set network.training.augment.m", ["network.training.augment.masks="]),
        ("ablate grid --set probe.bias", ["probe.bias=true", "probe.bias=false"]),
        ("ablate grid --set folds.scheme=speaker-", ["folds.scheme=speaker-groups"]),
        ("ablate grid --set nonsense.", []),
    ],
)  # fmt: skip
def test_a_shell_is_offered_the_words_that_are_known(
    line: str, offered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text("")
    assert completed(line, tmp_path, monkeypatch) == offered


def test_the_words_offered_are_those_that_commands_take() -> None:
    from ablation.analysis.selection import RULES

    assert set(completion.RULES) == set(RULES)
    assert {name for name, _ in completion.fields("")} == {
        f"{name}." if name != "name" else "name=" for name in Study.model_fields
    }


# ------------------------------------------------------------------------------- wrong usage


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("gird", 2, ["no command 'gird'", "did you mean 'grid'?"]),
        ("corpus chek", 2, ["no command 'chek'", "'check'", "ablate corpus --help"]),
        ("grid --axsi height", 2, ["no option --axsi", "'--axis'", "ablate grid --help"]),
        ("grid --axis heigth --corpus-root .", 1, ["--axis", "'heigth'", "did you mean 'height'?"]),
        ("search --trials 0", 2, ["--trials", "at least 1", "'0'"]),
        ("search", 2, ["missing option '--trials'"]),
        ("grid --xyzzy", 2, ["no option --xyzzy", "see ablate grid --help"]),
        ("grid --workers lots", 2, ["--workers", "a whole number", "'lots'", "ablate grid --help"]),
        ("explain a.wav --end soon", 2, ["--end", "a number, got 'soon'"]),
        ("corpus check --corpus", 2, ["'--corpus' requires", "see ablate corpus check --help"]),
        ("grid --axis both --study emdob", 1, ["emdob", "'emodb'?"]),
        ("study show --study mein.toml", 1, ["mein.toml", "'mine'?"]),
        ("study show --set traning.steps=3", 1, ["traning", "'training'?"]),
        ("study show --set training.stpes=3", 1, ["training.stpes", "'steps'?"]),
    ],
)
def test_a_wrong_word_is_answered_in_two_lines_with_the_right_one(
    line: str, code: int, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text("")
    refused = invoke(*line.split(), cwd=tmp_path, check=code)
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 2
    for words in said:
        assert words in refused.stderr


def test_a_path_is_taken_as_it_is(done: Path, tiny_study: Path, tmp_path: Path) -> None:
    """Only ``--set`` is read as TOML: in any other option a backslash is a backslash."""
    for name in (r"a\tb", "a'b", 'a"b', "a b", "a=b,c", "#ä"):
        folder = tmp_path / name
        shown = invoke("study", "show", "--corpus-root", folder, cwd=tmp_path).stdout
        assert tomllib.loads(shown)["corpus"]["root"] == str(folder)
        promote = ("promote", "--shapes", "2x2", "--study", tiny_study, "--corpus-root", folder)
        refused = invoke(*promote, cwd=done, check=1)
        assert f" {folder} " in str(refused.error)
        address = f"tcp://{name}:8786"
        study = override_study(Study(), Machines(cluster=address).overrides())
        assert study.cluster.address == address


# ------------------------------------------------------------- the file, and what was last run


def test_settings_that_the_file_does_not_have_are_named(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """Plots and reports are of the settings last run; a try with ``--set`` is one."""
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    status = ("status", "--study", tiny_study)
    assert str(tiny_study) not in invoke(*status, cwd=tmp_path).stderr
    own = load_digest(tmp_path)
    tried = ("--set", "training.steps=2", "--set", "training.learning_rate=0.01")
    train("grid", "--axis", "height", "--values", "2,3", "--study", tiny_study, *tried,
          cwd=tmp_path)  # fmt: skip
    said = invoke(*status, cwd=tmp_path).stderr
    assert str(tiny_study) in said and "training.steps, training.learning_rate" in said
    assert f"--digest {own}" in said
    assert str(tiny_study) not in invoke(*status, "--digest", own, cwd=tmp_path).stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("into", "said"), [("> /dev/full", True), (">&-", True), ("| true", False)]
)
def test_output_that_nobody_takes_is_an_expected_error(
    into: str, said: bool, unbuffered: str, tmp_path: Path
) -> None:
    """A reader that went away is none to speak of."""
    script = f"set -o pipefail; {shlex.join(command(['study', 'schema']))} {into}"
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    run = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("error: cannot write to stdout: ") if said else not run.stderr
    assert len(run.stderr.splitlines()) <= 2


@pytest.mark.usefixtures("undrawn")
def test_a_results_folder_may_be_renamed_and_is_a_study_by_itself(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """Its rows are those reported, nothing is written elsewhere, and no study file is needed."""
    folder = tmp_path / "sent" / "renamed"
    shutil.copytree(done / "results" / "tiny", folder)
    renamed = tmp_path / "renamed.toml"
    renamed.write_text(tiny_study.read_text().replace('name = "tiny"', 'name = "renamed"'))
    by_file = ("--study", renamed, "--results", tmp_path / "sent")
    for given in (by_file, ("--study", folder)):
        status = json.loads(invoke("status", "--json", *given, cwd=tmp_path).stdout)
        assert (status["study"], status["done"], status["left"]) == ("renamed", 20, 0)
        figure = invoke("plot", "--only", "costs", *given, cwd=tmp_path).stdout.split()[0]
        assert figure == "figures/renamed/costs.png"
        assert str(folder / "report.html") in invoke("report", *given, cwd=tmp_path).stdout
    assert "2x2" in invoke("compare", "--reference", "2x2", "--study", ".", cwd=folder).stdout
    shown = invoke("study", "show", "--study", folder, cwd=tmp_path)
    assert 'name = "renamed"' in shown.stdout
    assert not list(tmp_path.rglob("*tiny*"))


def test_two_corpora_under_one_name_are_warned_of(
    done: Path, tiny_study: Path, tiny_manifest: Path, tmp_path: Path
) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    other = tmp_path / "elsewhere"
    shutil.copytree(tiny_manifest.parent, other)
    study = other / "tiny.toml"
    text = tomllib.loads(tiny_study.read_text())
    text["corpus"]["root"] = str(other / tiny_manifest.name)
    study.write_text(tomli_w.dumps(text))
    run = invoke("plot", "--study", study, "--only", "costs", cwd=tmp_path)
    (warning,) = [line for line in run.stderr.splitlines() if line.startswith("warning: ")]
    assert str(study) in warning and str(tiny_manifest) in warning


def load_digest(folder: Path) -> str:
    (settings,) = (folder / "results" / "tiny" / "studies").glob("*.toml")
    return settings.stem
