"""What else is to be said of a landmark: can it be seen, and how sure is its point?"""

import jax.numpy as jnp
from flax import linen as nn
from flax import struct
from jaxtyping import Array, Float

from lmkjax.types import typed

STATES = 4
"""VISIBLE, BEHIND_HEAD, BEHIND_OBJECT, OUTSIDE of `lmkjax.types`, in this order."""


@struct.dataclass
class Estimates:
    """Of each landmark.

    Attributes:
        visibility: logits of the four states.
        log_scale: logarithm of the scale s of the error's density exp(-r / s) over the
            plane, r its length; s in shares of the map's side.
    """

    visibility: Float[Array, "b k 4"]
    log_scale: Float[Array, "b k"]


class Confidence(nn.Module):
    """From the features where a landmark's map looks, and its place, to `Estimates`.

    Attributes:
        width: channels inside.
    """

    width: int = 64

    @nn.compact
    @typed
    def __call__(
        self,
        around: Float[Array, "b c"],
        there: Float[Array, "b k c"],
        top: Float[Array, "b k"],
        embedding: Float[Array, "*b k e"],
    ) -> Estimates:
        """What is said of each landmark.

        Args:
            around: the mean of a face's features, last stack.
            there: their mean under each landmark's map.
            top: of the map's softmax; of a flat map, which knows little, it is low.
            embedding: of the places asked for; without faces, the same for all.
        """
        x = nn.Dense(self.width, name="there")(there)
        x += nn.Dense(self.width, name="around")(around)[:, None]
        x += nn.Dense(self.width, name="peak")(jnp.log(top + 1e-6)[..., None])
        place = nn.Dense(self.width, name="place")(embedding)
        x = nn.gelu(x + (place if place.ndim == 3 else place[None]))
        x = nn.gelu(nn.Dense(self.width, name="inside")(x))
        out = nn.Dense(STATES + 1, name="said")(x)
        # A first guess of 2 % of the map's side.
        return Estimates(out[..., :STATES], out[..., STATES] - 4.0)
