"""Kernels: what the features of a face are multiplied by to give a landmark's map.

A kernel that is a function of the landmark's place answers for any place of the head;
free kernels, one set of numbers per landmark, answer for those of one scheme alone.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from lmkjax.types import CONTOUR, Places, typed

WAVES_CM = (8.0, 4.0, 1.5, 0.7)
"""Scales of the positional code; lids and lips lie a few millimetres apart."""
BENT, STRAIGHT = 24, 128
"""Frequencies of each scale, for the two layers and for what is read as it is."""
TURNS = 8  # frequencies along the contour
PARTS = 3
REACH_CM = 8.0
SHARED = 32.0
"""What a kernel is divided by. Adam moves every weight by the learning rate; a free
kernel's number is one weight, one of ours the sum of hundreds, and would run off."""


class PlaceKernels(nn.Module):
    """A small network from a place of the head to one kernel per stack.

    Its positional code is of the place on the mean head (Fourier features, Tancik et
    al., "Fourier Features Let Networks Learn High Frequency Functions", NeurIPS 2020),
    of the part that it lies on, and, for the visible contour, of its share of the way
    from ear to ear. A kernel is linear in what two layers make of the code, and in a
    richer code itself, which is quick to learn from.

    Attributes:
        features: channels of the features.
        stacks: how many stacks.
        width: channels inside.

    Source: the idea of queries on a mean head is that of Chandran et al., "Continuous
        Landmark Detection with 3D Queries", CVPR 2023.
    """

    features: int
    stacks: int
    width: int = 128

    def setup(self):
        """Layers; the first maps are nearly flat."""
        small = nn.initializers.variance_scaling(0.3, "fan_in", "truncated_normal")
        self.first, self.second = nn.Dense(self.width), nn.Dense(self.width)
        self.norm = nn.LayerNorm()
        self.last = nn.Dense(self.stacks * self.features, kernel_init=small)

    @typed
    def embed(self, places: Places) -> Float[Array, "*b k w"]:
        """What is known of each place, for whoever asks more than a map of it."""
        x = nn.gelu(self.first(code(places, each=BENT)))
        return self.norm(nn.gelu(self.second(x)))

    @typed
    def __call__(self, places: Places) -> Float[Array, "s *b k c"]:
        """The kernels, float32."""
        known = [self.embed(places), code(places, each=STRAIGHT)]
        x = self.last(jnp.concatenate(known, -1)) / SHARED
        x = x.reshape(*x.shape[:-1], self.stacks, self.features)
        return jnp.moveaxis(x, -2, 0)


class FreeKernels(nn.Module):
    """One kernel per landmark of a scheme and stack; which places they are is ignored.

    Attributes:
        landmarks: how many.
        features: channels of the features.
        stacks: how many stacks.
        width: channels of `embed`.
    """

    landmarks: int
    features: int
    stacks: int
    width: int = 128

    def setup(self):
        """Weights; small at first, so that the first maps are flat."""
        small = nn.initializers.variance_scaling(
            0.01, "fan_in", "truncated_normal", in_axis=2, out_axis=1, batch_axis=0
        )
        shape = (self.stacks, self.landmarks, self.features)
        self.kernel = self.param("kernel", small, shape, jnp.float32)
        self.embedding = self.param(
            "embedding",
            nn.initializers.normal(1.0),
            (self.landmarks, self.width),
            jnp.float32,
        )

    @typed
    def embed(self, places: Places) -> Float[Array, "k w"]:
        """What is known of each landmark.

        Raises:
            ValueError: as many places are wanted as the scheme has landmarks.
        """
        self._check(places)
        return self.embedding

    @typed
    def __call__(self, places: Places) -> Float[Array, "s k c"]:
        """The kernels; raises as `embed`."""
        self._check(places)
        return self.kernel

    def _check(self, places):
        if places.share.shape != (self.landmarks,):
            raise ValueError(
                f"Free kernels answer for the {self.landmarks} landmarks of their own"
                f" scheme; asked for places {places.share.shape}."
            )


@typed
def code(places: Places, *, each: int) -> Float[Array, "*b k n"]:
    """The positional code of places: numbers about as large as 1.

    Args:
        places: anywhere on the mean head.
        each: how many frequencies of each scale.
    """
    contour = (places.part == CONTOUR)[..., None].astype(jnp.float32)
    parts = jax.nn.one_hot(places.part, PARTS)
    phases = _product(places.xyz, jnp.asarray(_frequencies(each)))
    angles = [math.pi * n * places.share for n in range(1, TURNS + 1)]
    turns = jnp.stack(angles, -1)
    along = jnp.concatenate([jnp.sin(turns), jnp.cos(turns)], -1) * contour
    waves = [jnp.sin(phases), jnp.cos(phases)]
    return jnp.concatenate([places.xyz / REACH_CM, parts, *waves, along], -1)


def _product(xyz, frequencies):
    """Element by element: three terms, and no digit lost on an accelerator."""
    scale = frequencies.reshape(3, *[1] * (xyz.ndim - 1), -1)
    return sum(xyz[..., i, None] * scale[i] for i in range(3))


def _frequencies(each: int) -> np.ndarray:
    """Radians per cm in directions by chance, always the same [3 n]."""
    # NumPy freezes what RandomState draws.
    chance = np.random.RandomState(0).standard_normal((len(WAVES_CM), 3, each))
    scaled = chance * (2 * np.pi / 4) / np.reshape(WAVES_CM, (-1, 1, 1))
    return np.concatenate(list(scaled), axis=1).astype(np.float32)
