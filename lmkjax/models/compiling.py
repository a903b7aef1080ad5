"""What XLA is asked when it compiles a step that trains."""

import functools

import jax

BY_YNNPACK = "xla_cpu_experimental_ynn_fusion_type"
PRODUCTS_AND_SUMS = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"


@functools.cache
def options(platform: str) -> dict[str, str]:
    """What `jax.jit` of a training step takes as its `compiler_options`.

    On a CPU, XLA (jaxlib 0.10) hands products, sums and convolutions to YNNPACK, which
    works on most of our convolutions with one core, whatever there is, and makes the
    gradients of their kernels 2 to 10 times as slowly as XLA itself: convolutions are
    left to XLA. Where XLA knows no such option, nothing is asked.

    Args:
        platform: that the step is compiled for: cpu, cuda, rocm, tpu.
    """
    if platform != "cpu":
        return {}
    asked = {BY_YNNPACK: PRODUCTS_AND_SUMS}
    try:
        jax.jit(lambda x: x, compiler_options=asked).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return asked
