"""Generate the pages of ``docs/reference`` from the code: commands, study file, columns.

``python -m documentation.reference`` writes them (``make reference``); a test checks that the
stored pages are up to date.
"""

from collections.abc import Mapping
from pathlib import Path

from documentation import columns, commands, settings

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Generated from the code by `make reference`; do not edit. -->\n\n"


def pages() -> Mapping[str, str]:
    """Return the name and the text of every generated page."""
    made = {
        "commands.md": commands.page(),
        "study.md": settings.page(),
        "tables.md": columns.page(),
    }
    return {name: MADE + text for name, text in made.items()}


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)
