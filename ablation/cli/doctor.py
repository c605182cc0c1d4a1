"""``ablate doctor``."""

from typing import Annotated

from typer import Exit, Option

from ablation.cli.failures import EXPECTED_ERROR, say
from ablation.cli.options import (
    DEMO,
    RESULTS,
    ResultsOption,
    SetOption,
    StudyOption,
    Workers,
    set_overrides,
)
from ablation.cli.plan_printing import print_object


def doctor(
    *,
    study: StudyOption = DEMO,
    set_: SetOption = None,
    workers: Workers,
    results: ResultsOption = RESULTS,
    json_: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine.

    Shows what a run would use here, what is missing, and how long a training step takes.
    """
    from ablation.estimate.doctor import as_json, check_up, lines
    from ablation.progress import Reporter
    from ablation.study import load_study

    given = load_study(study, [*set_overrides(set_), *workers.overrides()])
    found = check_up(given, results, Reporter())
    if json_:
        print_object(as_json(found))
    else:
        for line in lines(found):
            print(line)
    for problem in found.problems:
        say(f"error: {problem.what}" + (f"\n  {problem.remedy}" if problem.remedy else ""))
    if found.problems:
        raise Exit(EXPECTED_ERROR)
