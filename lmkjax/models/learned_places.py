"""Another's labels as places: where on the head their landmarks are, learned."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from lmkjax.types import CONTOUR, Places, typed

SHIFT_CM, SHARE, OFFSET, SLOPE = 5.0, 0.2, 0.2, 0.01
"""What a parameter of 1 is worth, so that a step of an optimiser that moves all weights
by the same moves each kind by about a quarter of a millimetre of the face."""


class LearnedPlaces(nn.Module):
    """Places that move to where someone's labels are, and an offset in the picture.

    Begins at nothing: at first the places are as given. The offset, the same function
    of the features for all landmarks plus one number each, stands for what no place
    of the head can, such as a habit of the annotators in the picture.

    Attributes:
        landmarks: how many.
    """

    landmarks: int = 68

    def setup(self):
        """Weights, all 0."""
        zeros = nn.initializers.zeros
        self.shift = self.param("shift", zeros, (self.landmarks, 3), jnp.float32)
        self.along = self.param("along", zeros, (self.landmarks,), jnp.float32)
        self.constant = self.param("constant", zeros, (self.landmarks, 2), jnp.float32)
        self.linear = nn.Dense(2, use_bias=False, kernel_init=zeros)

    @typed
    def moved(self, places: Places) -> Places:
        """The places where the labels are."""
        along = places.share + SHARE * self.along * (places.part == CONTOUR)
        return places.replace(
            xyz=places.xyz + SHIFT_CM * self.shift, share=jnp.clip(along, 0.0, 1.0)
        )

    @typed
    def offset(
        self, features: Float[Array, "b h w c"], maps: Float[Array, "b h w k"]
    ) -> Float[Array, "b k 2"]:
        """What is added to the points found, shares of the map's side."""
        b, h, w, c = features.shape
        look = jax.nn.softmax(jax.lax.stop_gradient(maps), axis=(1, 2))
        flat = features.reshape(b, h * w, c).astype(jnp.float32)
        there = jnp.einsum("bnk,bnc->bkc", look.reshape(b, h * w, -1), flat)
        size = jnp.sqrt(jnp.square(there).mean(-1, keepdims=True) + 1e-6)
        return SLOPE * self.linear(there / size) + OFFSET * self.constant[None]
