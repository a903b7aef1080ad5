"""A picture as a whole: its rows and columns mixed, its blocks compressed.

Matrix products throughout: shifted sums would be fused, and computed over and over.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.types import Scalar, typed

EXACT = jax.lax.Precision.HIGHEST
"""Where products are rounded to 8 bits, a dark picture would show steps."""
BLOCK = 8
"""Side of a block of JPEG, pixels."""


@typed
def mix(
    image: Float[Array, "h w c"],
    rows: Float[Array, "i h"],
    columns: Float[Array, "j w"],
) -> Float[Array, "i j c"]:
    """A picture whose rows and columns are mixed as the matrices say.

    Args:
        image: any range.
        rows: what each new row is made of: `blurring`, `coarsening`, a product of such.
        columns: likewise.
    """
    wide = jnp.einsum("jw,hwc->hjc", columns, image, precision=EXACT)
    return jnp.einsum("ih,hjc->ijc", rows, wide, precision=EXACT)


@typed
def blurring(sigma_px: Scalar, *, size: int) -> Float[Array, "{size} {size}"]:
    """What `mix` needs for a Gaussian; beyond the rim there is nothing.

    Args:
        sigma_px: standard deviation, above 0.
        size: side of the picture.
    """
    apart = jnp.arange(size)[:, None] - jnp.arange(size)[None]
    weights = jnp.exp(-((apart / sigma_px) ** 2) / 2)
    return weights / weights.sum(-1, keepdims=True)


@typed
def shrinking(factor: Scalar, *, size: int) -> Float[Array, "{size} {size}"]:
    """What `mix` needs to make a picture smaller, in the corner of one of its size.

    Args:
        factor: pixels that become one, at least 1; any number.
        size: side of the picture; below the smaller one its last pixel is repeated.
    """
    low = jnp.minimum(jnp.arange(size) * factor, size - 1.0)[:, None]
    pixel = jnp.arange(size)[None]
    share = jnp.minimum(pixel + 1.0, low + factor) - jnp.maximum(pixel, low)
    share = jnp.maximum(share, 0.0)
    return share / share.sum(-1, keepdims=True)


@typed
def enlarging(factor: Scalar, *, size: int) -> Float[Array, "{size} {size}"]:
    """What `mix` needs to undo `shrinking`: straight lines between the few pixels."""
    last = jnp.ceil(size / factor) - 1
    place = jnp.clip((jnp.arange(size) + 0.5) / factor - 0.5, 0.0, last)
    return jnp.maximum(1 - jnp.abs(place[:, None] - jnp.arange(size)[None]), 0.0)


@typed
def coarsening(factor: Scalar, *, size: int) -> Float[Array, "{size} {size}"]:
    """What `mix` needs for a picture made `factor` times smaller, then large again."""
    few = shrinking(factor, size=size)
    return jnp.matmul(enlarging(factor, size=size), few, precision=EXACT)


@typed
def compress(
    image: Float[Array, "h w c"], step: Float[Array, " c"]
) -> Float[Array, "h w c"]:
    """A picture that bears the marks of JPEG: 8 x 8 blocks, their waves in levels.

    Args:
        image: sides that `BLOCK` divides.
        step: between two levels of a channel's finest waves; those of the coarsest
            are 10 times denser.

    Source: the idea is ISO/IEC 10918-1's; its tables for 8 bits are replaced by a
        straight line, as only the look matters here.
    """
    waves, size = jnp.asarray(_WAVES), BLOCK
    height, width, channels = image.shape
    blocks = image.reshape(height // size, size, width // size, size, channels)
    turned = jnp.einsum("ui,vj,aibjc->aubvc", waves, waves, blocks, precision=EXACT)
    levels = step[None, None, None, None] * jnp.asarray(_LEVELS)[None, :, None, :, None]
    rounded = jnp.round(turned / levels) * levels
    back = jnp.einsum("ui,vj,aubvc->aibjc", waves, waves, rounded, precision=EXACT)
    return back.reshape(image.shape)


_FREQUENCY, _PLACE = np.mgrid[:BLOCK, :BLOCK]
_WAVES = np.cos(np.pi * _FREQUENCY * (_PLACE * 2 + 1) / (2 * BLOCK)) * np.sqrt(
    np.where(_FREQUENCY == 0, 1, 2) / BLOCK
).astype(np.float32)
_WAVES = _WAVES.astype(np.float32)
_LEVELS = (0.1 + 0.9 * (_FREQUENCY + _PLACE) / (2 * BLOCK - 2)).astype(np.float32)
