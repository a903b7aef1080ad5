"""Noise to break up surfaces: one small tile, looked up at any scale and place."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.images import lookup
from lmkjax.types import typed

SIDE = 256
"""Texels along the tile, which repeats."""


@functools.cache
def tile() -> np.ndarray:
    """The tile: two channels of 1/f noise, one smoother, one finer; spread 1."""
    random = np.random.default_rng(7)
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(SIDE, 1 / SIDE),) * 2))
    channels = []
    for power, low, high in ((1.0, 2, 64), (1.0, 2, 64), (1.5, 2, 24), (0.0, 24, 90)):
        spectrum = np.fft.fft2(random.standard_normal((SIDE, SIDE)))
        band = (frequency >= low) & (frequency <= high)
        spectrum *= np.where(band, np.maximum(frequency, 1.0) ** -power, 0.0)
        channel = np.fft.ifft2(spectrum).real
        channels.append(channel / channel.std())
    return np.stack(channels, -1).astype(np.float32)


@typed
def sample(place: Float[Array, "*n 2"]) -> Float[Array, "*n 4"]:
    """Four kinds of noise at places counted in tiles; bilinear, mean 0, spread 1."""
    texel = (place - jnp.floor(place)) * SIDE  # a remainder would be slow
    return lookup.between(jnp.asarray(tile()), texel[..., 0], texel[..., 1], wraps=True)


@typed
def texel(place: Float[Array, "*n 2"]) -> Float[Array, "*n 4"]:
    """As `sample`, unsmoothed, at a quarter of the cost: for grain and strands."""
    low = jnp.floor((place - jnp.floor(place)) * SIDE).astype(jnp.int32) & (SIDE - 1)
    table = jnp.asarray(tile()).reshape(-1, 4)
    return table[low[..., 1] * SIDE + low[..., 0]]
