"""A report as HTML, Markdown, LaTeX and CSV: values, escapes, and the page in a browser."""

import base64
import csv
import importlib.util
import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from running import invoke
from storing import Drawn, store_study

from ablation.analysis import Interval
from ablation.reports import (
    Column,
    Document,
    Picture,
    Section,
    Table,
    points,
    render_html,
    render_latex,
    render_markdown,
    table_csv,
)
from ablation.reports.document import Kind, Value
from ablation.reports.values import show, sort_key

NAN = float("nan")
NASTY = "<b>Zoë & co</b>"


def interval(estimate: float, low: float = NAN, high: float = NAN) -> Interval:
    return Interval(estimate, low, high, 0.03, 10)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" onload="x()"></svg>'


def heights(rows: int = 27) -> Table:
    """A table out of order, with a height that has no score and one marked."""
    order = [7 * k % rows for k in range(rows)]
    return Table(
        "heights",
        "Every filter height",
        (
            Column("height", "integer"),
            Column("WA", "percent", "pooled over utterances"),
            Column("gain", "points"),
            Column("speaker"),
        ),
        tuple(
            (
                k,
                None if k == 5 else interval(0.3 + 0.01 * k, 0.2 + 0.01 * k, 0.4 + 0.01 * k),
                0.01 * (k - 10),
                NASTY if k == 3 else f"speaker {k}",
            )
            for k in order
        ),
        frozenset({order.index(10)}),
        ("Marked: the best.",),
    )


def report(text: str = NASTY, pictures: int = 2) -> Document:
    """A report with ``text`` wherever a text can stand."""
    table = Table("small", text, (Column(text, remark=text),), ((text,),), notes=(text,))
    shown = tuple(Picture(f"curve{k}", text, text, SVG) for k in range(pictures))
    return Document(
        title=text,
        subtitle=text,
        answer=text,
        lacking=(text,),
        sections=(
            Section("which", text, (text,), shown, (table, heights())),
            Section("tests", text, (text,), tables=(replace(table, name="folded"),), folded=True),
        ),
        facts=((text, text),),
        commands=(text, "ablate report"),
    )


# Values


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.634, "percent", "63.4"),
        (interval(0.634, 0.57, 0.699), "percent", "63.4 [57.0, 69.9]"),
        (interval(0.634), "percent", "63.4 [no interval]"),
        (0.015, "points", "+1.5"),
        (interval(0.015, -0.005, 0.035), "points", "+1.5 [−0.5, 3.5]"),
        (-0.0001, "points", "+0.0"),
        (interval(-0.2, -0.0001, 0.1), "points", "−20.0 [0.0, 10.0]"),
        (0.002, "p", "0.002"),
        (0.0496, "p", "0.050"),
        (0.41, "p", "0.41"),
        (0.0004, "p", "<0.001"),
        (1234567, "integer", "1,234,567"),
        (-0.0, "integer", "0"),
        (np.int64(-1200), "integer", "−1,200"),
        (3.14159, "number", "3.14"),
        (interval(0.8, -0.1, 1.7), "number", "0.80 [−0.10, 1.70]"),
        (233_400_000, "millions", "233 M"),
        (999_999.0, "millions", "999,999"),
        ("not run", "percent", "not run"),
        (None, "percent", ""),
        (NAN, "text", ""),
    ],
)
def test_values_as_texts(value: Value, kind: Kind, text: str) -> None:
    assert show(value, kind) == text


@given(st.floats(-1, 1), st.sampled_from(["percent", "points", "number", "integer"]))
def test_no_text_is_a_negative_zero_or_has_a_hyphen_for_a_minus(value: float, kind: Kind) -> None:
    text = show(value, kind)
    assert "-" not in text
    assert not re.fullmatch(r"−0[.0]*", text)
    assert points(interval(value, value, value)).startswith(show(value, "points"))


def test_what_is_not_a_number_has_no_key() -> None:
    assert [sort_key(v, "percent") for v in (None, NAN, "not run", interval(NAN))] == [""] * 4
    assert sort_key("Zoë", "text") == "Zoë"


def test_csv_keeps_raw_values_and_the_ends_of_intervals() -> None:
    rows = (
        ('a,\n"b"', 1 / 3, interval(0.1, -0.2, 0.30000000000000004), np.int64(7)),
        (None, NAN, None, 1.5),
        ("c", np.float64(0.1), 0.25, None),
    )
    columns = (Column("name"), Column("x", "number"), Column("WA", "percent"), Column("n"))
    found = list(csv.reader(io.StringIO(table_csv(Table("t", "", columns, rows)))))
    assert found == [
        ["name", "x", "WA", "WA low", "WA high", "n"],
        ['a,\n"b"', repr(1 / 3), "0.1", "-0.2", "0.30000000000000004", "7"],
        ["", "", "", "", "", "1.5"],
        ["c", "0.1", "0.25", "", "", ""],
    ]


# HTML


class Outline(HTMLParser):
    """The tags of a page with the names of their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.values: list[str] = []
        self.texts: list[str] = []
        self.cells: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A class tells a long text from a short one.
        self.tags.append((tag, tuple(name for name, _ in attrs if name != "class")))
        self.ids += [value for name, value in attrs if name == "id" and value is not None]
        self.values += [value for _, value in attrs if value is not None]
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open.pop() != tag:  # "meta" and its like have no end
            pass

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


TEXTS = st.text(min_size=1, max_size=20) | st.sampled_from(
    [
        NASTY, "</script><script>", "</style><svg onload=x>", '" onclick="x', "<!--", "&amp;&lt;",
        "{{ 7 * 7 }}{% if %}", "|a|\\|`*_", "a\nb\r\n\n# c", "]: x ![a](b)", "- a", "1. a", "---",
        "$a_b^c$ 5 % # & ~ \\input{x}", "\ud800\0",
    ]
)  # fmt: skip


PLAIN = Outline(render_html(report("x", pictures=1))).tags


@settings(max_examples=20)
@given(TEXTS)
def test_a_text_is_never_markup_of_the_page(text: str) -> None:
    page = render_html(report(text, pictures=1))
    found = Outline(page)
    assert found.tags == PLAIN
    assert page.lower().count("<script") == 1
    legal = re.sub("[^\t\n\r -~\x80-\ud7ff\ue000-\U0010ffff]", "\ufffd", text)
    assert legal in found.cells
    assert legal in found.values  # the picture's description
    page.encode()


def test_a_page_refers_to_nothing_outside_and_to_what_is_there() -> None:
    page = render_html(report("x"))
    assert not re.search(r"https?:|@import|url\((?!#)|<link(?! rel=\"icon\" href=\"data:,\")", page)
    assert "default-src 'none'" in page
    ids = Outline(page).ids
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(ids)
    assert f'src="data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()}"' in page
    assert "onload" not in page  # a figure is an image, its text no markup of the page


# Markdown


def cells_of(markdown: str) -> list[list[str]]:
    """The rows of all tables as GitHub's kind of Markdown has them."""
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)
    return [Outline(row).cells for row in re.findall("<tr>.*?</tr>", page, re.DOTALL)]


@settings(max_examples=60)
@given(TEXTS)
def test_a_text_is_never_markup_of_the_markdown(text: str) -> None:
    table = Table("t", text, (Column("a"), Column("b")), ((text, "x"), ("y", text)), frozenset({1}))
    line = " ".join(text.replace("\0", "\ufffd").split())
    sections = (Section("s", text, (text,), tables=(table,)),)
    markdown = render_markdown(
        Document("t", text, text, (text,), sections, ((text, text),), ()), {}
    )
    assert cells_of(markdown) == [["a", "b"], [line, "x"], ["y", line]]
    found = Outline(MarkdownIt("commonmark").enable("table").render(markdown))
    allowed = {"h1", "h2", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert {tag for tag, _ in found.tags} <= allowed
    assert line == "" or found.texts.count(line) >= 8


def test_markdown_has_pictures_marks_and_commands_that_cannot_end_their_block() -> None:
    document = replace(report("x"), commands=("```", "````"))
    markdown = render_markdown(document, {"curve0": "figures/a (1).svg"})
    assert "![x](figures/a%20%281%29.svg)" in markdown
    assert "curve1" not in markdown
    assert "| **10** | **40.0 [30.0, 50.0]** | **+0.0** | **speaker 10** |" in markdown
    assert "`````sh\n```\n````\n`````" in markdown


# LaTeX


@given(TEXTS)
def test_a_text_is_never_a_command_of_the_latex(text: str) -> None:
    table = Table(
        "t", text, (Column(text), Column("b", remark=text)), ((text, "x"),), notes=(text,)
    )
    latex = render_latex(table)
    plain = re.sub(r"\\(text\w+|leq|geq|approx|rightarrow)\b|\\[_%&#${}]", "", latex)
    plain = plain.replace("$-$", "").replace("$$", "")
    assert plain.count("{") == plain.count("}")
    assert not re.search(r"[$~^#%<>|]", plain)
    commands = set(re.findall(r"\\[a-z]+", plain))
    assert commands == {
        r"\begin", r"\end", r"\centering", r"\small", r"\caption", r"\label", r"\toprule",
        r"\midrule", r"\bottomrule", r"\par", r"\medskip", r"\linewidth", r"\footnotesize",
        r"\raggedright",
    }  # fmt: skip
    body = latex[latex.index(r"\toprule") : latex.index(r"\bottomrule")]
    assert [row.count(" & ") for row in body.splitlines() if row.endswith(r"\\")] == [1, 1]
    assert "\n\n" not in latex  # a blank line ends a caption with an error


def test_latex_table() -> None:
    table = Table(
        "table_2",
        "Heights at 5 %",
        (Column("shape"), Column("WA", "percent"), Column("p", "p")),
        (("[10]x2", interval(0.634, 0.57, 0.699), 0.0001), ("*", None, 0.4)),
        frozenset({1}),
        ("By speaker.",),
    )
    latex = render_latex(table)
    body = latex[latex.index("\\caption") : latex.index("\\bottomrule")]
    assert [line.strip() for line in body.splitlines()] == [
        "\\caption{Heights at 5 \\%}",
        "\\label{tab:table-2}",
        "\\begin{tabular}{lcr}",
        "\\toprule",
        "shape & WA (\\%) & p \\\\",
        "\\midrule",
        "{}[10]x2 & 63.4 [57.0, 69.9] & \\textless{}0.001 \\\\",
        "\\textbf{*} &  & \\textbf{0.40} \\\\",
        "",
    ]


# In a browser

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    long = "a_name_without_any_space_" * 8
    file = tmp_path_factory.mktemp("report") / "report.html"
    document = report()
    extra = Section("long", long, (long,), tables=(replace(heights(50), name="fifty"),))
    document = replace(
        document,
        title=f"A study of {long}",
        answer=f"{NASTY} The best height is 10 bins with 63.4 % WA [57.0, 69.9].",
        sections=(*document.sections, extra),
        commands=(f"ablate report --study {long}",),
    )
    file.write_text(render_html(document), encoding="utf-8")
    return file.as_uri()


class Visit:
    """The open page, all that it asked for, and what it had to complain of."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)

    def column(self, number: int, table: str = "heights") -> list[str]:
        """The texts of a column's visible cells."""
        script = (
            "([table, number]) => [...document.querySelectorAll(`#${table} tbody tr`)]"
            ".filter((row) => !row.hidden).map((row) => row.cells[number].textContent)"
        )
        return cast("list[str]", self.page.evaluate(script, [table, number]))


@contextmanager
def visiting(browser: Any, address: str) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    visit = Visit(page, address)
    yield visit
    for width in (1280, 390):  # nothing runs out of the page
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
    assert [url for url in visit.requests if not url.startswith("data:")] == [address]
    assert visit.complaints == []


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    with visiting(browser, address) as visit:
        yield visit


def test_a_click_sorts_another_turns_and_a_third_restores(visit: Visit) -> None:
    original = visit.column(0)
    header = visit.page.locator("#heights thead th").nth(1)
    upwards = [str(k) for k in range(27) if k != 5]
    for order, expected in (
        ("ascending", [*upwards, "5"]),  # no score: last
        ("descending", [*reversed(upwards), "5"]),
        (None, original),
    ):
        header.locator("button").click()
        assert header.get_attribute("aria-sort") == order
        assert visit.column(0) == expected


def test_the_keyboard_sorts_text_as_people_do(visit: Visit) -> None:
    headers = visit.page.locator("#heights thead th")
    headers.nth(0).locator("button").click()
    headers.nth(3).locator("button").focus()
    visit.page.keyboard.press("Enter")
    assert headers.nth(3).get_attribute("aria-sort") == "ascending"
    assert headers.nth(0).get_attribute("aria-sort") is None
    speakers = [f"speaker {k}" for k in range(27) if k != 3]  # 2 before 10
    assert visit.column(3) == [NASTY, *speakers]


def test_contrast_is_enough_for_everyone(visit: Visit) -> None:
    """WCAG 2: 7 for text, 4.5 for what is said quietly, on screens of both kinds."""
    script = "(name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)"

    def luminance(name: str) -> float:
        colour = visit.page.evaluate(script, name)
        parts = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 23, 27)")):
        visit.page.emulate_media(color_scheme=scheme)
        ground = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == paper
        for least, ink, grounds in (
            (7, "ink", ("paper", "raised", "marked", "warning")),
            (4.5, "quiet", ("paper", "raised", "marked")),
            (4.5, "accent", ("paper",)),
        ):
            for name in grounds:
                dark, light = sorted([luminance(ink), luminance(name)])
                assert (light + 0.05) / (dark + 0.05) > least, (scheme, ink, name)
        visit.page.emulate_media(media="print")  # on white, whatever the screen
        assert visit.page.evaluate(script, "paper") == "#ffffff"
        visit.page.emulate_media(media="screen")


def test_print_opens_what_is_folded(visit: Visit) -> None:
    assert visit.page.locator("details").get_attribute("open") is None
    visit.page.pdf()
    assert visit.page.locator("#folded td, #folded th").last.is_visible()
    visit.page.emulate_media(media="print")
    assert not visit.page.locator("nav").is_visible()


def test_a_table_is_saved_as_csv(visit: Visit, tmp_path: Path) -> None:
    with visit.page.expect_download() as download:
        visit.page.locator("#heights .csv").click()
    assert download.value.suggested_filename == "heights.csv"
    download.value.save_as(tmp_path / "heights.csv")
    assert (tmp_path / "heights.csv").read_text(encoding="utf-8") == table_csv(heights())


def test_what_is_folded_opens(visit: Visit) -> None:
    """And runs out of the page no more than the rest."""
    visit.page.locator("summary").click()
    assert visit.page.locator("#folded table").is_visible()


def test_all_is_there_without_scripts(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}#section-tests")
    assert page.locator("#heights tbody tr").count() == 27
    assert page.locator("button:visible").count() == 0
    assert page.locator("#folded table").is_visible()  # the link opened it
    context.close()


def test_what_the_command_writes_opens_sorts_and_asks_for_nothing(
    browser: Any, tmp_path: Path
) -> None:
    """The report of a whole study, from its rows to the page in a browser."""
    accuracy = {2: 0.4, 10: 0.7, 20: 0.6}
    drawn = Drawn(lambda shape, window: accuracy[shape.height], heights=list(accuracy), widths=[2])
    store_study(tmp_path, drawn)
    (tmp_path / "drawn.toml").write_text('name = "drawn"\n')
    invoke("report", "--study", tmp_path / "drawn.toml", cwd=tmp_path)
    file = tmp_path / "results" / "drawn" / "report.html"
    with visiting(browser, file.as_uri()) as visit:
        shown = visit.page.locator(".plot img")
        widths = shown.evaluate_all("(all) => all.map((one) => one.naturalWidth)")
        assert len(widths) >= 6 and all(widths)
        visit.page.locator("#height thead th").nth(2).locator("button").click()
        assert visit.column(0, "height") == ["2", "20", "10"]
