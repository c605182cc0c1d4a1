"""``ablate doctor``."""

from typing import Annotated

from typer import Exit, Option

from ablation.cli.failures import EXPECTED_ERROR, say
from ablation.cli.options import (
    DEMO,
    RESULTS,
    DevicesOption,
    PerDeviceOption,
    ResultsOption,
    SetOption,
    StudyOption,
    WorkersOption,
    execution_overrides,
    load_given,
    set_overrides,
)


def doctor(
    study: StudyOption = DEMO,
    set_: SetOption = None,
    workers: WorkersOption = None,
    devices: DevicesOption = None,
    workers_per_device: PerDeviceOption = None,
    results: ResultsOption = RESULTS,
    json_: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine.

    Shows what a run would use here, what is missing, and how long a training step takes.
    """
    import json

    from ablation.estimate.doctor import as_json, check_up, lines
    from ablation.progress import Reporter

    overrides = [*set_overrides(set_), *execution_overrides(workers, devices, workers_per_device)]
    found = check_up(load_given(study, overrides, None, None), results, Reporter())
    if json_:
        print(json.dumps(as_json(found), indent=2, ensure_ascii=False))
    else:
        for line in lines(found):
            print(line)
    for problem in found.problems:
        say(f"error: {problem.what}" + (f"\n  {problem.remedy}" if problem.remedy else ""))
    if found.problems:
        raise Exit(EXPECTED_ERROR)
