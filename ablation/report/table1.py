"""Table 1: the promoted networks beside the baselines, as Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from ablation.analysis import Interval
from ablation.report.latex import tex
from ablation.report.values import millions, percent_ends, points

PAPER = (  # Li et al. 2018, Table 1, in %: name, WA, UA
    ("CNN_TF_GAP", 71.35, 67.54),
    ("CNN_TF_Bilinear", 69.17, 64.16),
    ("CNN_TF_Att.pooling", 71.75, 68.06),
)


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
        Means over folds, with intervals over folds.
    against
        Difference in WA from the log-mel SVM, paired by speaker; None for the SVM itself.
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
    wa_folds: Interval
    ua_folds: Interval
    against: Interval | None
    seeds: str


_HEADER = (
    "network", "corpus", "Conv1", "parameters", "multiply-adds", "WA [95 %]", "UA [95 %]",
    "WA, folds [95 %]", "UA, folds [95 %]", "WA over SVM [95 %]", "seeds",
)  # fmt: skip


def table1_markdown(rows: Sequence[Row], paper: bool, notes: Sequence[str]) -> str:
    """Return Table 1 as Markdown; ``paper`` adds the paper's rows, ``notes`` are listed below."""
    lines = [_bar(_HEADER), _bar(["---"] * len(_HEADER))]
    lines += [_bar(_cells(row)) for row in rows]
    if paper:
        for name, wa, ua in PAPER:
            lines.append(_bar(_paper_cells(name, wa, ua)))
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)]) + "\n"


def table1_latex(rows: Sequence[Row], paper: bool, notes: Sequence[str], caption: str) -> str:
    """Return Table 1 as a LaTeX table, which needs ``\\usepackage{booktabs}``."""
    lines = [
        r"\begin{table}",
        r"  \centering\small",
        rf"  \caption{{{tex(caption)}}}",
        r"  \begin{tabular}{llrcccc}",
        r"    \toprule",
        r"    Network & Conv1 & Parameters & WA (\%) & UA (\%) & WA over SVM & Seeds \\",
        r"    \midrule",
    ]
    for row in rows:
        cells = _cells(row)
        lines.append(_tex_row([cells[k] for k in (0, 2, 3, 5, 6, 9, 10)]))
    if paper:
        lines.append(r"    \midrule")
        for name, wa, ua in PAPER:
            cells = _paper_cells(name, wa, ua)
            lines.append(_tex_row([cells[k] for k in (0, 2, 3, 5, 6, 9, 10)]))
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    lines += [rf"  % {note}" for note in notes]
    lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def table1_csv(rows: Sequence[Row], paper: bool) -> str:
    """Return Table 1 as CSV: accuracies in 0..1, each with the ends of its interval."""
    intervals = ("wa", "ua", "wa_folds", "ua_folds", "against")
    ends = [f"{name}{end}" for name in intervals for end in ("", "_low", "_high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["network", "corpus", "conv1", "parameters", "multiply_adds", *ends, "speakers", "seeds"]
    )
    for row in rows:
        values: list[object] = []
        for name in intervals:
            interval = getattr(row, name)
            values += (
                ["", "", ""]
                if interval is None
                else [f"{v:.6f}" for v in (interval.estimate, interval.low, interval.high)]
            )
        costs = [_blank(row.parameters), _blank(row.multiply_adds)]
        writer.writerow(
            [row.name, row.corpus, row.shapes, *costs, *values, row.wa.sample, row.seeds]
        )
    if paper:
        for name, wa, ua in PAPER:
            accuracies = [f"{wa / 100:.4f}", "", "", f"{ua / 100:.4f}", "", "", *[""] * 9]
            writer.writerow(
                [f"{name} (Li et al. 2018)", "iemocap", "10x2 + 2x8", "", "", *accuracies, 10, ""]
            )
    return text.getvalue()


def _cells(row: Row) -> list[str]:
    return [
        row.name,
        row.corpus,
        row.shapes,
        "" if row.parameters is None else f"{row.parameters:,}",
        "" if row.multiply_adds is None else millions(row.multiply_adds),
        _percent(row.wa),
        _percent(row.ua),
        _percent(row.wa_folds),
        _percent(row.ua_folds),
        "" if row.against is None else points(row.against),
        row.seeds,
    ]


def _paper_cells(name: str, wa: float, ua: float) -> list[str]:
    return [
        f"{name} (Li et al. 2018)", "iemocap", "10x2 + 2x8", "", "", f"{wa}", f"{ua}",
        "", "", "", "",
    ]  # fmt: skip


def _percent(interval: Interval) -> str:
    return f"{100 * interval.estimate:.2f} {percent_ends(interval)}"


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _tex_row(cells: Sequence[str]) -> str:
    return "    " + " & ".join(tex(cell) for cell in cells) + r" \\"


def _blank(value: int | None) -> str:
    return "" if value is None else str(value)
