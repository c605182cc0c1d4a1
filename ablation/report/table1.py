"""Table 1: the promoted networks beside the paper's."""

from collections.abc import Sequence

import pandas as pd

PAPER = (  # Li et al. 2018, Table 1, in %: WA, UA
    ("CNN_TF_GAP", "gap", 71.35, 67.54),
    ("CNN_TF_Bilinear", "bilinear", 69.17, 64.16),
    ("CNN_TF_Att.pooling", "attention", 71.75, 68.06),
)


def table1_markdown(
    scores: pd.DataFrame,
    corpus: str,
    classes: int,
    folds: int,
    majority: float,
    notes: Sequence[str],
) -> str:
    """Table 1 as Markdown.

    Parameters
    ----------
    scores
        A row a network with ``network``, ``pooling``, ``shapes``, ``wa``, ``ua``, ``wa_folds``,
        ``ua_folds`` (0..1), ``cells``, ``seeds`` and ``expected`` (cells asked for).
    corpus
        Name of the corpus the networks were scored on.
    classes
        Number of classes.
    majority
        WA of always naming the largest class, 0..1.
    notes
        Sentences below the table.
    """
    lines = [
        "| network | corpus | Conv1 | WA | UA | WA, mean of folds | UA, mean of folds | seeds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in scores.to_dict("records"):
        seeds = f"{row['seeds']:g}"
        if row["cells"] < row["expected"]:
            seeds += f" ({row['cells']:g} of {row['expected']:g} cells)"
        lines.append(
            f"| {row['network']} | {corpus} | {row['shapes'].replace(',', ' + ')} "
            f"| {_percent(row['wa'])} | {_percent(row['ua'])} "
            f"| {_percent(row['wa_folds'])} | {_percent(row['ua_folds'])} | {seeds} |"
        )
    lines.append(
        f"| majority class | {corpus} | | {_percent(majority)} | {_percent(1 / classes)} | | | |"
    )
    lines += [
        f"| {name} (Li et al. 2018) | IEMOCAP | 10x2 + 2x8 | {wa} | {ua} | | | |"
        for name, pooling, wa, ua in PAPER
        if pooling in set(scores["pooling"])
    ]
    sentences = [
        f"WA and UA in %, pooled over the utterances of {folds} speaker-independent folds"
        " (the mean over folds beside it); the last epoch counts.",
        *notes,
    ]
    return "\n".join([*lines, "", *sentences]) + "\n"


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"
