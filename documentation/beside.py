"""Include files from outside ``docs/`` in the mkdocs site, and reports made from stored rows.

The pages are also read in a checkout, where ``docs/`` is one folder among others. In the site its
pages are at the top level, so a link that leaves ``docs/`` goes up one folder less.
"""

import posixpath
import re
import shutil
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from ablation.reports.study_report import report
from ablation.results.run_record import find_run

ROOT = Path(__file__).parent.parent
BESIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "LICENSE",
    "benchmarks/README.md",
    "figures/emodb/*.png",
    "figures/ravdess/*.png",
    "studies/*.toml",
)
REPORTS = ("results/emodb", "results/ravdess")  # rows in a checkout; in the site, their report
_ROLE = re.compile(r":(?:func|class|meth|mod|data):(<code>)~?")  # Sphinx's, in a docstring
_LINK = re.compile(r"(?<=\]\()[^)#\s:]+(?=[)#])")  # the path of [text](path#anchor)


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the files from outside ``docs/`` under their paths in the repository."""
    for pattern in BESIDE:
        found = sorted(ROOT.glob(pattern))
        if not found:
            raise FileNotFoundError(f"documentation/beside.py: no file matches {pattern}")
        for path in found:
            place = path.relative_to(ROOT).as_posix().removeprefix("docs/")
            files.append(File.generated(config, place, abs_src_path=str(path)))
    for rows in REPORTS:
        content = _report(Path(rows).name)
        files.append(File.generated(config, f"{rows}/report.html", content=content))
    return files


def _report(study: str) -> str:
    """Return the report of a study as a page, made from the rows in ``results/``."""
    results = Path("results")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):  # its commands name no folder
        shutil.copytree(ROOT / results / study, results / study)
        report(results, Path("figures"), find_run(results, study))
        return (results / study / "report.html").read_text(encoding="utf-8")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Convert links that are right in the repository to links that are right in the site.

    A link that leads to no file is left unchanged; mkdocs reports it.
    """
    place = page.file.src_uri
    inside = Path(page.file.abs_src_path).is_relative_to(ROOT / "docs")
    folder = posixpath.dirname(f"docs/{place}" if inside else place)

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link.group()))
        if not (ROOT / target).exists():
            return link.group()
        if target in REPORTS:
            target += "/report.html"
        return posixpath.relpath(target.removeprefix("docs/"), posixpath.dirname(place) or ".")

    return _LINK.sub(moved, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Reduce the Sphinx roles of docstrings to the names they refer to."""
    return _ROLE.sub(r"\1", html)
