"""`import lmkjax`: a few names, each imported when it is asked for."""

import pathlib
import subprocess
import sys

import pytest

import lmkjax

ALONE = """
import sys
import lmkjax
assert set(lmkjax.__all__) <= set(dir(lmkjax))
heavy = {"jax", "flax", "numpy", "PIL", "yaml", "optax", "orbax"} & set(sys.modules)
assert not heavy, heavy
"""


def test_importing_the_library_imports_nothing_else():
    subprocess.run([sys.executable, "-c", ALONE], check=True)


@pytest.mark.parametrize("name", lmkjax.FACE)
def test_each_name_is_there_and_in_the_readme(name):
    assert callable(getattr(lmkjax, name))
    readme = pathlib.Path(__file__).parents[1] / "README.md"
    assert f"`lmkjax.{name}" in readme.read_text()


def test_the_names_are_those_that_are_told():
    assert sorted(lmkjax.FACE) == sorted(lmkjax.__all__)
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        lmkjax.paint  # noqa: B018
