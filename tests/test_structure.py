"""The bounds that keep the source readable: a file is one subject, and a function fits a screen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

MOST_LINES = 450
MOST_LINES_OF_A_FUNCTION = 60
EXCUSE = "Long because"  # how an opening docstring gives its reason


def find_faults(name: str, source: str) -> Iterator[str]:
    """One line for everything in a module that is too long."""
    tree = ast.parse(source, name)
    lines = len(source.splitlines())
    if lines > MOST_LINES and EXCUSE not in (ast.get_docstring(tree) or ""):
        yield f"{name}: {lines} lines, and its opening docstring gives no reason ({EXCUSE!r} ...)"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_LINES_OF_A_FUNCTION:
                yield f"{name}:{node.lineno}: {node.name} has {length} lines"


def test_no_file_and_no_function_is_too_long(checkout: Path) -> None:
    modules = sorted((checkout / "tcptrace_py").rglob("*.py"))
    assert len(modules) > 10
    faults = [
        fault
        for path in modules
        for fault in find_faults(path.relative_to(checkout).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert faults == []


def test_a_long_file_needs_a_reason() -> None:
    long = "\n" * MOST_LINES
    assert list(find_faults("a.py", f'"""Prose."""{long}pass\n')) != []
    assert list(find_faults("a.py", f'"""Prose.\n\nLong because it is a table.\n"""{long}pass\n')) == []


def test_a_long_function_has_no_excuse() -> None:
    lines = ["pass"] * MOST_LINES_OF_A_FUNCTION
    function = "\n    ".join(["def long():", *lines])
    method = "\n        ".join(['"""Long because."""\nclass A:\n    async def long(self):', *lines])
    fits = "\n    ".join(["def fits():", *lines[1:]])
    assert list(find_faults("a.py", function)) == ["a.py:1: long has 61 lines"]
    assert list(find_faults("a.py", method)) == ["a.py:3: long has 61 lines"]
    assert list(find_faults("a.py", fits)) == []


def test_only_what_belongs_there_is_at_the_top(checkout: Path) -> None:
    allowed = {
        "pyproject.toml",
        "setup.py",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "docs",
        "samples",
        "tests",
        "tcptrace_py",
    }
    made = {"build", "dist", "htmlcov", "coverage.xml", "PKG-INFO", "setup.cfg"}  # by tools, and for an sdist
    found = {path.name for path in checkout.iterdir() if not path.name.startswith(".") and path.suffix != ".egg-info"}
    assert found - made - allowed == set()
