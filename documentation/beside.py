"""A hook of mkdocs: what lies beside ``docs/`` and is linked from there is in the site too.

The pages are read in a checkout as well, where ``docs/`` is a folder among others. In the site its
pages stand at the top, so a link that leaves ``docs/`` has one step less to go.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

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
_ROLE = re.compile(r":(?:func|class|meth|mod|data):(<code>)~?")  # Sphinx's, in a docstring
_LINK = re.compile(r"(?<=\]\()[^)#\s:]+(?=[)#])")  # the path of [text](path#anchor)


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add what stands beside the pages, each under its place in the repository."""
    for pattern in BESIDE:
        found = sorted(ROOT.glob(pattern))
        if not found:
            raise FileNotFoundError(f"documentation/beside.py: nothing is called {pattern}")
        for path in found:
            place = path.relative_to(ROOT).as_posix().removeprefix("docs/")
            files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links as they are in the repository to links as they are in the site.

    What looks like a link and leads to no file is left alone; mkdocs names it.
    """
    place = page.file.src_uri
    inside = Path(page.file.abs_src_path).is_relative_to(ROOT / "docs")
    folder = posixpath.dirname(f"docs/{place}" if inside else place)

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link.group()))
        if not (ROOT / target).exists():
            return link.group()
        return posixpath.relpath(target.removeprefix("docs/"), posixpath.dirname(place) or ".")

    return _LINK.sub(moved, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Docstrings' roles are of Sphinx: what is left of them here is the name."""
    return _ROLE.sub(r"\1", html)
