"""The shape of the package itself: no drawer, no circle of imports, no long function."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ablation

PACKAGE = Path(ablation.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports, within functions too, but not for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in SOURCES else node.module for name in inside)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            yield from _imports(node)


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {
        name: {found for found in _imports(ast.parse(path.read_text())) if found in SOURCES}
        for name, path in SOURCES.items()
    }
    left = dict(graph)
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}, sorted(left)


def test_no_room_is_a_drawer() -> None:
    lines: dict[str, int] = {}
    for path in PACKAGE.rglob("*"):
        if path.suffix in (".py", ".css", ".js", ".j2"):
            room = path.relative_to(PACKAGE).parts[0]
            lines[room] = lines.get(room, 0) + len(path.read_text().splitlines())
    largest = max(lines, key=lambda room: lines[room])
    assert lines[largest] <= sum(lines.values()) / 7, largest


def test_a_function_fits_on_a_screen() -> None:
    longest = {
        f"{name}.{node.name}": node.end_lineno - node.lineno + 1
        for name, path in SOURCES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
    }
    assert {name: lines for name, lines in longest.items() if lines >= 80} == {}
