"""Programs that run a few times, on a CPU compiled in half the time."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

QUICK = {"xla_cpu_use_fusion_emitters": False}
"""XLA's older way from steps to machine code: as fast to run, half as long to compile.

It rounds otherwise in the last digit, so where two triangles meet a pixel may show the
other one.
"""
ONCE = QUICK | {"xla_backend_optimization_level": 0}
"""For what hardly runs: four times as quick to compile, and as slow to run."""


def jit(
    function: Callable, *, static: Sequence[str] = (), options: dict = QUICK
) -> Callable:
    """`jax.jit` with options for a CPU.

    Inside another program, which is compiled as a whole, and on an accelerator it is
    plain `jax.jit`.

    Args:
        function: of arrays.
        static: its arguments that are none.
        options: XLA's, by name.
    """
    plain = jax.jit(function, static_argnames=static)

    @functools.cache
    def own() -> Callable:
        return jax.jit(
            function, static_argnames=static, compiler_options=known(options)
        )

    @functools.wraps(function)
    def run(*args, **named):
        given = (jnp.zeros(()), *jax.tree.leaves((args, named)))
        inside = any(isinstance(x, jax.core.Tracer) for x in given)
        alone = jax.default_backend() == "cpu" and not inside
        return (own() if alone else plain)(*args, **named)

    return run


def known(options: dict) -> dict:
    """Those of the options that this XLA has; releases come and go without some."""
    return {name: value for name, value in options.items() if _has(name, value)}


@functools.cache
def _has(name: str, value: bool | int) -> bool:
    """Whether XLA takes an option. It says so only when it compiles."""
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(0.0).compile()
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" in str(error):
            return False
        raise
    return True
