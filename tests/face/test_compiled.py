"""Options for a CPU: they reach a program that stands alone, and no other."""

import re
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxlib import version

from lmkjax.face import compiled
from tests import programs

WRONG = {"xla_backend_optimization_level": "high"}
"""An option that every XLA has, with what none takes."""


def _double(x, *, times):
    return x * 2 * times


def test_options_reach_the_compiler_where_a_program_stands_alone():
    wrong = compiled.jit(_double, static=["times"], options=WRONG)
    with pytest.raises(jax.errors.JaxRuntimeError, match="optimization_level"):
        wrong(jnp.arange(3.0), times=2)


def test_an_option_of_another_release_is_left_out():
    (own,) = compiled.OWN_CONVOLUTIONS
    for options in {"xla_no_such": True}, {own: "NO_SUCH_LIBRARY"}:
        other = compiled.jit(_double, static=["times"], options=options)
        assert other(jnp.arange(3.0), times=2).tolist() == [0.0, 4.0, 8.0]


@pytest.mark.parametrize("x", [jnp.arange(3.0), None], ids=["known", "traced"])
def test_inside_another_program_there_are_none(x):
    inner = compiled.jit(_double, static=["times"], options=WRONG)
    given = jnp.arange(3.0)
    outer = jax.jit(lambda y: inner(y if x is None else x, times=2) + 1)
    assert outer(given).tolist() == [1.0, 5.0, 9.0]


@pytest.mark.parametrize("platform", ["tpu", "cuda"])
def test_only_a_cpus_compiler_is_asked(platform):
    device = types.SimpleNamespace(platform=platform)
    grid = types.SimpleNamespace(devices=np.array([device], object))
    assert compiled.asked(compiled.OWN_CONVOLUTIONS, grid) == {}


@pytest.mark.parametrize("options", [compiled.QUICK, compiled.ONCE])
def test_the_compiler_knows_the_options(options):
    # From 0.11.1 on there is one way to machine code, and no choice.
    left_out = set() if version.__version_info__ < (0, 11, 1) else {*compiled.QUICK}
    assert options.keys() - compiled.known(options).keys() == left_out
    quick = compiled.jit(_double, static=["times"], options=options)
    assert quick(jnp.arange(3.0), times=2).tolist() == [0.0, 4.0, 8.0]


def test_options_are_named_only_where_unknown_ones_are_left_out():
    # As a flag in XLA_FLAGS, one that a release does not know ends the process.
    option = re.compile(r"\bxla_(cpu|gpu|tpu|backend|force)_")
    kinds = {".py", ".sh", ".yaml", ".sbatch", ".ipynb"}
    named = {
        str(file.relative_to(programs.ROOT))
        for room in programs.ROOMS
        for file in (programs.ROOT / room).rglob("*")
        if file.suffix in kinds and option.search(file.read_text())
    }
    assert named == {"lmkjax/face/compiled.py", "launch/workloads.py"}
