"""A table of a report as LaTeX (booktabs), to be pasted into a paper."""

import re

from ablation.reports.document import Column, Table, Value
from ablation.reports.values import by_column, has_intervals, heading, show

_SPECIAL = {
    "\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    # In LaTeX's default (old) font encoding, these print as other characters.
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    # pdfLaTeX stops at characters that it does not know.
    "−": "$-$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$", "→": r"$\rightarrow$",
}  # fmt: skip


def tex(text: str) -> str:
    """Return ``text`` with everything escaped that LaTeX would read as a command."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def render_latex(table: Table) -> str:
    """Return a table with its caption, its notes below and the label ``tab:NAME``.

    It needs ``\\usepackage{booktabs}``. Marked rows are bold. A table longer than a page has to be
    split by hand (``longtable``).
    """
    columns = by_column(table)
    lines = [
        r"\begin{table}",
        r"  \centering\small",
        rf"  \caption{{{_line(table.caption)}}}",
        rf"  \label{{tab:{_label(table.name)}}}",
        rf"  \begin{{tabular}}{{{''.join(_alignment(*column) for column in columns)}}}",
        r"    \toprule",
        _row([_line(heading(column)) for column in table.columns]),
        r"    \midrule",
    ]
    for number, row in enumerate(table.rows):
        cells = [_line(show(v, c.kind)) for v, c in zip(row, table.columns, strict=True)]
        if number in table.marked:
            cells = [cell and rf"\textbf{{{cell}}}" for cell in cells]
        lines.append(_row(cells))
    lines += [r"    \bottomrule", r"  \end{tabular}", *_notes(table), r"\end{table}"]
    return "\n".join(lines) + "\n"


def _alignment(column: Column, values: tuple[Value, ...]) -> str:
    if column.kind == "text":
        return "l"
    return "c" if has_intervals(values) else "r"


def _row(cells: list[str]) -> str:
    # What follows the end of a row, or a rule, is read as its option when it is a bracket or star.
    guard = "{}" if cells[0].startswith(("[", "(", "*")) else ""
    return f"    {guard}{' & '.join(cells)} \\\\"


def _notes(table: Table) -> list[str]:
    remarks = [f"{column.header}: {column.remark}" for column in table.columns if column.remark]
    notes = [*remarks, *table.notes]
    if not notes:
        return []
    return [
        r"  \par\medskip",
        r"  \begin{minipage}{\linewidth}",
        r"    \footnotesize\raggedright",
        *(rf"    {_line(note)}\par" for note in notes),
        r"  \end{minipage}",
    ]


def _line(text: str) -> str:
    """Return escaped text in one line: an empty line in a caption is an error."""
    return tex(" ".join(text.split()))


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9:.-]+", "-", name)
