"""The text of every expected error, from an example of each; ``messages.txt`` has them all.

``python tests/messages_golden.py`` writes that file anew: read what changed in it as prose.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from ablation.errors import AblationError

HERE = Path(__file__).parent
GOLDEN = HERE / "messages.txt"


def examples() -> Iterator[tuple[str, AblationError]]:
    """Each example, with the part of the package that it is of."""
    for file in sorted((HERE / "message_examples").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"message_examples_{file.stem}", file)
        if spec is None or spec.loader is None:
            raise ImportError(file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for example in module.EXAMPLES:
            yield file.stem, example


def rendered() -> str:
    """All texts, under the name of their type."""
    lines, part = [], ""
    for stem, example in examples():
        if stem != part:
            part = stem
            lines += ["", f"== {part} ==", ""]
        lines += [f"[{type(example).__name__}]", f"error: {example}", ""]
    return "\n".join(lines).strip() + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(rendered(), encoding="utf-8")
