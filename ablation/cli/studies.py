"""``ablate study``: what a study says, what studies may say, and which come with the package."""

from typing import Annotated

from typer import Option

from ablation.cli.options import DEMO, Changes, StudyOption
from ablation.cli.plan_printing import print_object


def show(
    *,
    study: StudyOption = DEMO,
    changes: Changes,
    all_: Annotated[
        bool, Option("--all", help="Also print fields that have their defaults.")
    ] = False,
) -> None:
    """Print a study as it would run, as TOML."""
    import tomli_w

    from ablation.study import study_tables

    print(tomli_w.dumps(study_tables(changes.applied_to(study), defaults=all_)), end="")


def schema() -> None:
    """Print the JSON schema of a study file, for completion in editors."""
    from ablation.study import study_schema

    print_object(study_schema())


def list_() -> None:
    """List the studies that ship with the package."""
    from ablation.study import shipped_studies, study_summary

    files = sorted(shipped_studies().glob("*.toml"), key=lambda file: file.stem)
    width = max((len(file.stem) for file in files), default=0)
    for file in files:
        print(f"{file.stem:{width}}  {study_summary(file)}")
