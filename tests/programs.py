"""The programs there are, found by search: files that run when they are called."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[1]
ROOMS = ("lmkjax", "data_builders", "launch", "configs")


def _runs(file: pathlib.Path) -> bool:
    """Whether a file does something if it is called, and is no module alone."""
    return any(
        isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
        for node in ast.parse(file.read_text()).body
    )


FILES = [
    file
    for room in ROOMS
    for file in sorted((ROOT / room).rglob("*.py"))
    if _runs(file)
]
"""Each program's file."""


def name_of(file: pathlib.Path) -> str:
    """As `python -m` takes it."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__main__" else parts)
