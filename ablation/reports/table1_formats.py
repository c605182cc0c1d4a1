"""Table 1: the promoted networks beside the baselines, as Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan

from ablation.analysis import Interval
from ablation.reports.latex import tex
from ablation.reports.values import millions, percent_ends, points, show


@dataclass(frozen=True)
class Row:
    """A network or baseline as Table 1 shows it.

    Attributes
    ----------
    shapes
        Conv1 as text, empty for a baseline.
    parameters, multiply_adds
        None for a baseline; with a choice for each fold, those of the largest network.
    wa, ua
        Pooled over all utterances, with intervals by speaker.
    wa_folds, ua_folds
        Means over folds, with intervals over folds; None for the paper's.
    against
        Difference in WA from the log-mel SVM, paired by speaker; None for the SVM itself.
    gain, p
        The same from the network that all others are compared with, and its family-wise adjusted
        p; None for that network, which ``is_reference``.
    seconds
        The mean training time of a fold and seed.
    seeds
        How many, and which folds are missing, as text.
    """

    name: str
    corpus: str
    shapes: str
    parameters: int | None
    multiply_adds: int | None
    wa: Interval
    ua: Interval
    wa_folds: Interval | None
    ua_folds: Interval | None
    against: Interval | None
    seeds: str
    gain: Interval | None = None
    p: float | None = None
    is_reference: bool = False
    seconds: float | None = None


def _stated(name: str, source: str, marks: str, wa: float, ua: float, shapes: str = "") -> Row:
    """Return a published row, which has accuracies (in %) and no intervals.

    ``marks`` say what differs from our protocol (:data:`PAPER_NOTES`).
    """
    pooled = [Interval(percent / 100, nan, nan, nan, 10) for percent in (wa, ua)]
    title = f"{name} ({source})" + (f" ({marks})" if marks else "")
    return Row(title, "iemocap", shapes, None, None, pooled[0], pooled[1], None, None, None, "")


_SHAPES = "10x2 + 2x8"
PAPER = (  # Li et al. 2018, Table 1, and what the original authors measured
    _stated("DNN-ELM", "Han et al. 2014", "b, c", 54.3, 48.2),
    _stated("DNN-ELM", "Li et al. 2018", "a", 57.91, 52.13),
    _stated("RNN-ELM", "Lee and Tashev 2015; Li et al. 2018", "a", 62.85, 63.89),
    _stated("CNN-LSTM", "Satt et al. 2017; Li et al. 2018", "d", 68.80, 59.40),
    _stated("CNN-LSTM, two steps", "Satt et al. 2017; Li et al. 2018", "d", 67.30, 62.00),
    _stated("CNN_TF_GAP", "Li et al. 2018", "", 71.35, 67.54, _SHAPES),
    _stated("CNN_TF_Bilinear", "Li et al. 2018", "", 69.17, 64.16, _SHAPES),
    _stated("CNN_TF_Att.pooling", "Li et al. 2018", "", 71.75, 68.06, _SHAPES),
)
PAPER_NOTES = (
    "Published rows are of IEMOCAP. (a) 5 folds by session, tuned on the other speaker of the test "
    "session; DNN-ELM was measured by Lee and Tashev (2015). (b) 8 speakers to train and tune on, "
    "2 to test on. (c) 5 classes, other than ours. (d) The folds are not known.",
)
_HEADER = (
    "network", "corpus", "Conv1", "parameters", "multiply-adds", "WA [95 %]", "UA [95 %]",
    "WA, folds [95 %]", "UA, folds [95 %]", "WA over SVM [95 %]", "WA over network [95 %]",
    "adjusted p", "training (s)", "seeds",
)  # fmt: skip
_IN_LATEX = (0, 2, 3, 5, 6, 10, 11, 13)  # of these columns


def table1_markdown(rows: Sequence[Row], paper: bool, notes: Sequence[str]) -> str:
    """Return Table 1 as Markdown; ``paper`` adds the paper's rows, ``notes`` are listed below."""
    shown = [*rows, *(PAPER if paper else ())]
    lines = [_bar(_HEADER), _bar(["---"] * len(_HEADER)), *(_bar(_cells(row)) for row in shown)]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)]) + "\n"


def table1_latex(rows: Sequence[Row], paper: bool, notes: Sequence[str], caption: str) -> str:
    """Return Table 1 as a LaTeX table, which needs ``\\usepackage{booktabs}``."""
    lines = [
        r"\begin{table}",
        r"  \centering\small",
        rf"  \caption{{{tex(caption)}}}",
        r"  \begin{tabular}{llrccccc}",
        r"    \toprule",
        r"    Network & Conv1 & Parameters & WA (\%) & UA (\%) & WA over network & $p$ & Seeds \\",
        r"    \midrule",
        *map(_tex_row, rows),
    ]
    if paper:
        lines += [r"    \midrule", *map(_tex_row, PAPER)]
    lines += [r"    \bottomrule", r"  \end{tabular}", *(rf"  % {note}" for note in notes)]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def table1_csv(rows: Sequence[Row], paper: bool) -> str:
    """Return Table 1 as CSV: accuracies in 0..1, each with the ends of its interval."""
    intervals = ("wa", "ua", "wa_folds", "ua_folds", "against", "gain")
    ends = [f"{name}{end}" for name in intervals for end in ("", "_low", "_high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    costs = ("parameters", "multiply_adds")
    ending = ("p", "train_seconds", "speakers", "seeds")
    writer.writerow(["network", "corpus", "conv1", *costs, *ends, *ending])
    for row in [*rows, *(PAPER if paper else ())]:
        values = [value for name in intervals for value in _raw(getattr(row, name))]
        start = [row.name, row.corpus, row.shapes, row.parameters, row.multiply_adds]
        end = [row.p, row.seconds, row.wa.sample, row.seeds]
        writer.writerow([*start, *values, *end])  # csv leaves None empty
    return text.getvalue()


def _raw(interval: Interval | None) -> list[str]:
    if interval is None:
        return [""] * 3
    ends = (interval.estimate, interval.low, interval.high)
    return ["" if isnan(value) else f"{value:.6f}" for value in ends]


def _cells(row: Row) -> list[str]:
    return [
        row.name,
        row.corpus,
        row.shapes,
        "" if row.parameters is None else f"{row.parameters:,}",
        "" if row.multiply_adds is None else millions(row.multiply_adds),
        *map(_percent, (row.wa, row.ua, row.wa_folds, row.ua_folds)),
        "" if row.against is None else points(row.against),
        "" if row.gain is None else points(row.gain),
        show(row.p, "p"),
        "" if row.seconds is None else f"{row.seconds:,.0f}",
        row.seeds,
    ]


def _percent(interval: Interval | None) -> str:
    if interval is None:
        return ""
    estimate = f"{100 * interval.estimate:.2f}"
    given = interval.sample < 2 or not isnan(interval.low)  # the paper gives no ends
    return f"{estimate} {percent_ends(interval)}" if given else estimate


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _tex_row(row: Row) -> str:
    cells = _cells(row)
    return "    " + " & ".join(tex(cells[k]) for k in _IN_LATEX) + r" \\"
