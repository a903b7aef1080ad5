"""What XLA is asked on a CPU: half the time to compile, or less to run."""

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
OWN_CONVOLUTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": (
        "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"
    )
}
"""What YNNPACK is given to do: products and sums, and no convolutions.

Left to itself, XLA (jaxlib 0.10) gives it those as well. On most of ours it works with
one core, whatever there is, and for the gradients of their kernels it takes 2 to 6
times as long as XLA: launch/README.md.
"""


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


def asked(options: dict, mesh: jax.sharding.Mesh | None = None) -> dict:
    """What `jax.jit` takes as its `compiler_options`: those known, on a CPU alone.

    Args:
        options: XLA's, by name.
        mesh: the devices that it is compiled for; None = those at hand.
    """
    where = mesh.devices.flat[0].platform if mesh else jax.default_backend()
    return known(options) if where == "cpu" else {}


def known(options: dict) -> dict:
    """Those of the options that this XLA has; releases come and go without some."""
    return {name: value for name, value in options.items() if _has(name, value)}


@functools.cache
def _has(name: str, value: bool | int | str) -> bool:
    """Whether XLA takes an option and value. It says so only when it compiles."""
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(0.0).compile()
    except jax.errors.JaxRuntimeError as error:
        unknown = "No such compile option", "is not a valid enum value"
        if any(said in str(error) for said in unknown):
            return False
        raise
    return True
