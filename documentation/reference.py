"""The pages of ``docs/reference`` that say what the code says: commands, study file, columns.

``python -m documentation.reference`` writes them (``make reference``); a test holds what is stored
against what would be written.
"""

from collections.abc import Mapping
from pathlib import Path

from documentation import columns, commands, settings

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made from the code by `make reference`; do not edit. -->\n\n"


def pages() -> Mapping[str, str]:
    """Name and text of every page that is made."""
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
