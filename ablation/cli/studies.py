"""``ablate study``: what a study says, what studies may say, and which come with the package."""

from typing import Annotated

import typer

from ablation.cli.options import (
    DEMO,
    CorpusOption,
    RootOption,
    SetOption,
    StudyOption,
    load_given,
    set_overrides,
)


def show(
    study: StudyOption = DEMO,
    set_: SetOption = None,
    corpus: CorpusOption = None,
    corpus_root: RootOption = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Also print fields that have their defaults.")
    ] = False,
) -> None:
    """Print a study as it would run, as TOML."""
    import tomli_w

    from ablation.study import study_tables

    given = load_given(study, set_overrides(set_), corpus, corpus_root)
    print(tomli_w.dumps(study_tables(given, defaults=all_)), end="")


def schema() -> None:
    """Print the JSON schema of a study file, for completion in editors."""
    import json

    from ablation.study import study_schema

    print(json.dumps(study_schema(), indent=2, ensure_ascii=False))


def list_() -> None:
    """List the studies that ship with the package."""
    from ablation.study import shipped_studies, study_summary

    files = sorted(shipped_studies().glob("*.toml"), key=lambda file: file.stem)
    width = max((len(file.stem) for file in files), default=0)
    for file in files:
        print(f"{file.stem:{width}}  {study_summary(file)}")
