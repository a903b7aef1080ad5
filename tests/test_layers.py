"""The layers of the library, held against its own imports; and the house's sizes."""

import ast
import pathlib

import pytest

LAYERS = [  # a part may import only parts of the lines above its own
    {"errors"},
    {"types", "files", "memory"},
    {"landmarks", "images", "hosts", "cli"},
    {"models", "losses"},
    {"face", "data", "evaluation", "adapt"},
    {"objectives", "fitting"},
    {"training"},
    {"detect", "studio"},
    {"experiment", "exporting", "video", "serving"},
    {"reproduction"},
    {
        "train",
        "evaluate",
        "predict",
        "render",
        "export",
        "reproduce",
        "demo",
        "__main__",
    },
]
LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}
ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "lmkjax"
FILES = [f for f in sorted(PACKAGE.rglob("*.py")) if f.name != "__init__.py"]
ALL = FILES + sorted((ROOT / "configs").glob("[!_]*.py"))


def parts_imported(file: pathlib.Path) -> set[str]:
    """The parts of lmkjax that `file` imports: {"points", "models", ...}."""
    parts = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "lmkjax":
            parts |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            top, _, rest = node.module.partition(".")
            parts |= {rest.partition(".")[0]} if top == "lmkjax" else set()
    return parts


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_down(file):
    part = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    above = {p for p in parts_imported(file) if p != part and LAYER[p] >= LAYER[part]}
    assert not above, f"{part} may not import {sorted(above)}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_nothing_of_what_builds_on_lmkjax_is_imported(file):
    """Neither at the top nor inside a function: they are handed in, or found."""
    tops = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            tops.add((node.module or "").partition(".")[0])
    assert not tops & {"data_builders", "configs", "launch", "tests"}


def test_files_are_replaced_and_folders_locked_in_one_place():
    """`files` writes whole or not at all; a second way would have faults of its own."""
    builders = (ROOT / "data_builders").rglob("*.py")
    others = {PACKAGE / "files.py", PACKAGE / "training/checkpoint.py"}  # puts aside
    found = []
    for file in {*FILES, *(f for f in builders if "_test" not in f.name)} - others:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names}
                found += [file] * bool(names & {"fcntl", "filelock", "FileLock"})
            if not (isinstance(node, ast.Call) and hasattr(node.func, "attr")):
                continue
            # A path takes one argument, where a text takes two and a dataclass names.
            moves = node.func.attr in ("replace", "rename")
            moves = moves and len(node.args) == 1 and not node.keywords
            found += [file] * (moves or node.func.attr in ("mkdtemp", "mkstemp"))
    assert not set(found)


@pytest.mark.parametrize("file", ALL, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_file_holds_one_idea_and_says_it(file):
    text = file.read_text()
    assert ast.get_docstring(ast.parse(text)), "wants a docstring"
    assert len(text.splitlines()) <= 350, "split it"


ELSEWHERE = {"env", "cost", "example", "averaged.notes(file)"}
"""What is no config: the environment, XLA's figures, a record, notes in a file."""


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_no_default_hides_in_a_get(file):
    """A default stands in configs/base.py or in a signature; `.get(x, y)` hides it.

    A look-up of a name that a variable holds (`counts.get(name, 0)`) hides none.
    """
    hidden = [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and len(node.args) == 2
        and isinstance(node.args[0], ast.Constant)
        and ast.unparse(node.func.value) not in ELSEWHERE
    ]
    assert not hidden


def test_no_folder_holds_more_than_ten_files():
    folders = {f.parent for f in FILES} - {PACKAGE}
    assert max(len(list(f.glob("[!_]*.py"))) for f in folders) <= 10


def test_every_init_is_empty_but_the_first():
    inits = sorted(PACKAGE.rglob("__init__.py"))
    assert [f.parent.name for f in inits if f.read_text().strip()] == ["lmkjax"]


LONG: set[str] = set()
"""Functions that are still too long; none may be added."""


def test_no_function_is_longer_than_eighty_lines():
    """Of a config the one function is a table, and may be."""
    found = set()
    for room in (PACKAGE, ROOT / "data_builders", ROOT / "launch"):
        for file in room.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.FunctionDef):
                    lines = node.end_lineno - node.lineno + 1
                    where = f"{file.relative_to(ROOT)}: {node.name}"
                    found |= {where} if lines > 80 else set()
    assert found == LONG, "split it; or, if one became short, take it off the list"


def test_a_modules_name_is_used_once():
    """But for what Python or TFDS wants: __main__, x/x_dataset_builder.py.

    A config is called as what it trains with.
    """
    files = [f for f in FILES if f.name != "__main__.py"]
    files += [f for f in ROOT.glob("data_builders/**/[!_]*.py")]
    files += [f for f in ROOT.glob("launch/*.py")]
    places = {}
    for file in files:
        places.setdefault(file.stem, []).append(str(file.relative_to(ROOT)))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice
