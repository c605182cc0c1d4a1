"""What ``ablate init`` prints: how it read the names, counts, examples, what was left out."""

import shlex
from collections import Counter
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from ablation.cli.failures import say
from ablation.errors import counted, named
from ablation.errors.naming import HOW
from ablation.progress import duration

if TYPE_CHECKING:
    import pandas as pd

    from ablation.init.finding import Found, LeftOut
    from ablation.init.understanding import Understood
    from ablation.init.writing import Start

_ROWS, _COLUMNS, _EXAMPLES, _REASONS = 12, 10, 4, 5
_WIDEST = 24  # cells of a name in the table


def print_understood(found: "Found", understood: "Understood") -> None:
    """Print what was read from the names."""
    print(f"{found.folder}: {understood.how}")
    if understood.by_parts:
        print(f"  ({HOW})")
    print(
        f"{counted(len(understood.spoken), 'recording')}, "
        f"{counted(len(understood.speakers), 'speaker')}, "
        f"{counted(len(understood.labels), 'label')}"
    )
    print(indent(_table(understood), "  "))
    print("for example")
    step = max(1, len(understood.spoken) // _EXAMPLES)
    for one in understood.spoken[::step][:_EXAMPLES]:
        print(
            f"  {printable('/'.join(one.recording.path))}: speaker {printable(one.speaker)}, "
            f"label {printable(one.label)}"
        )
    for remark in understood.remarks:
        say(f"note: {printable(remark)}")
    say_left_out(understood.left_out)
    if found.others:
        say(f"passed over: {counted(len(found.others), 'other file')} ({_named(found.others)})")


def say_left_out(left_out: "tuple[LeftOut, ...]") -> None:
    """Print what could not be used, by reason."""
    if not left_out:
        return
    say(f"left out: {len(left_out)}")
    reasons = Counter(one.reason for one in left_out)
    for reason, times in reasons.most_common(_REASONS):
        paths = [one.path for one in left_out if one.reason == reason]
        say(f"  {times} {printable(reason)}: {_named(paths)}")
    if len(reasons) > _REASONS:
        say(f"  and {counted(len(reasons) - _REASONS, 'other reason')}")


def _named(paths: "list[str] | tuple[str, ...]") -> str:
    return named(map(printable, paths))


def _table(understood: "Understood") -> str:
    """Return a table of speakers by labels; the last rows and columns sum up the rest."""
    import pandas as pd

    counts = pd.Series(understood.counts()).unstack(fill_value=0)
    counts = _summed(_summed(counts, _ROWS).T, _COLUMNS).T.rename(index=_cut, columns=_cut)
    with pd.option_context("display.unicode.east_asian_width", True):
        return counts.to_string()


def _summed(counts: "pd.DataFrame", most: int) -> "pd.DataFrame":
    """Return the first rows, the sum of the others, and that of all."""
    import pandas as pd

    rest = counts.iloc[most:]
    others = [rest.sum().to_frame(counted(len(rest), "other")).T] if len(rest) else []
    return pd.concat([counts.iloc[:most], *others, counts.sum().to_frame("all").T])


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def printable(text: str) -> str:
    """Return ``text`` on one line, with control characters as Python writes them."""
    return "".join(c if c.isprintable() or c == "\u200d" else repr(c)[1:-1] for c in text)


def print_written(start: "Start", understood: "Understood") -> None:
    """Print the files written, and the commands to run next with roughly the time they take."""
    from ablation.estimate.rough import pilot, rough_seconds
    from ablation.study import load_study

    for file in start.files:
        print(f"wrote {file}")
    study, recordings = load_study(start.study), len(understood.spoken)
    folds = len(understood.speakers) if study.folds.scheme == "speaker" else study.folds.count
    first = pilot(study, recordings)
    part = f"--values {','.join(map(str, first.heights))}"
    if len(understood.speakers) > 2:
        part += " --folds 2"
    if first.steps is not None:
        part += f" --set training.steps={first.steps}"
    seconds = rough_seconds(study, len(study.grid.heights) * folds, recordings)
    path = shlex.quote(str(shown_path(start.study)))
    grid = "ablate grid --axis height"
    print("next")
    print(f"  ablate corpus check --study {path}")
    print(f"  {grid} {part} --study {path}  # a pilot of a few minutes: does everything run?")
    print(f"  {grid} --study {path}  # roughly {duration(seconds)}; --dry-run measures it")
    print(f"  ablate report --study {path}  # what the rows show, with Figure 2")


def shown_path(path: Path) -> Path:
    """Return ``path`` relative to the working folder where it is below it."""
    try:
        return path.absolute().relative_to(Path.cwd())
    except ValueError:
        return path
