"""All programs, whatever their folder, declare their flags and end alike."""

import ast
import json
import subprocess
import sys

import pytest

from lmkjax import cli
from tests import programs

ROOT = programs.ROOT
NAMES = [programs.name_of(file) for file in programs.FILES]
IDS = {"argvalues": programs.FILES, "ids": NAMES}

HELP = """
import contextlib, io, json, runpy, sys, warnings
warnings.simplefilter("ignore")
for name in "jax flax tensorflow_datasets grain matplotlib apache_beam".split():
    sys.modules[name] = None  # importing it is an error
before, shown = set(sys.modules), {}
for name in sys.argv[1:]:
    for new in set(sys.modules) - before:
        if new.partition(".")[0] in ("lmkjax", "data_builders", "launch"):
            del sys.modules[new]
    sys.argv, told = [name, "--help"], io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    shown[name] = told.getvalue()
print(json.dumps(shown))
"""


@pytest.fixture(scope="module")
def helped():
    """What each program says to --help where there is neither JAX nor any extra."""
    done = subprocess.run(
        [sys.executable, "-c", HELP, *NAMES], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_the_search_finds_what_is_known():
    verbs = {f"lmkjax.{verb}" for verb in cli.VERBS}
    builders = {"data_builders.build", "data_builders.synthetic_faces.beam"}
    others = {"lmkjax", "launch.pods", "launch.loader", "lmkjax.studio.manual"}
    assert verbs | builders | others <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_needs_neither_jax_nor_an_extra_and_shows_no_underscore(name, helped):
    text = helped[name]
    assert text.startswith("usage: ")
    flags = [w.strip("[],.`") for w in text.split() if w.lstrip("[`").startswith("--")]
    ours = [f for f in flags if not f.startswith("--config.")]
    assert "--help" in text and not [f for f in ours if "_" in f.partition("=")[0]]


@pytest.mark.parametrize("file", **IDS)
def test_a_program_ends_by_cli_run(file):
    """One line of what was wrong, no traceback; and what is compiled is kept."""
    last = ast.parse(file.read_text()).body[-1]
    assert isinstance(last, ast.If), "calls itself last"
    called = ast.unparse(last.body[-1])
    assert called == (
        "cli.main()" if "lmkjax/__main__" in str(file) else "cli.run(main)"
    )


def test_flags_are_declared_by_our_own_parser():
    found = []
    for room in programs.ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and "ArgumentParser" in ast.unparse(
                    node.func
                ):
                    found.append(file)
    assert not found


@pytest.mark.parametrize("file", **IDS)
def test_a_program_imports_nothing_slow_before_it_knows_what_is_wanted(file):
    """At its top stand cli, files and the like; JAX comes once flags are read."""
    tops = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            tops.add(node.module.partition(".")[0])
    ours = {*programs.ROOMS, "absl"}
    assert tops <= sys.stdlib_module_names | ours, tops - ours
