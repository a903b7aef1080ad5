"""Points of one scheme to points of another: a linear map and a small MLP."""

import functools

import jax
from flax import linen as nn
from jaxtyping import Array, Float

from lmkjax.landmarks import points as plane
from lmkjax.types import typed


class LabelMLP(nn.Module):
    """A linear map of the points, plus what a two-layer MLP adds to it.

    The MLP begins at nothing; it reads the points through `whiten`, which turns
    coordinates that move together into numbers that do not. `centre`, `linear`,
    `offset` and `whiten` have closed forms (see `lmkjax.adapt.adaptation`) and are not
    meant to be learned by steps.

    Attributes:
        hidden: units of the hidden layer.
        scores: how many numbers the MLP reads.
        landmarks: points that come out.

    Source: the two-layer label adapter is Wood et al., "Fake It Till You Make It",
        ICCV 2021; the linear map beneath it is ours.
    """

    hidden: int = 128
    scores: int = 64
    landmarks: int = 68

    @nn.compact
    @typed
    def __call__(self, points: Float[Array, "b k 2"]) -> Float[Array, "b l 2"]:
        """The points of the other scheme, in the unit of those that came in.

        Args:
            points: normalised to the face.
        """
        came, out = 2 * points.shape[1], 2 * self.landmarks
        start, nothing = nn.initializers.lecun_normal(), nn.initializers.zeros
        centre = self.param("centre", nothing, (came,))
        linear = self.param("linear", start, (came, out))
        offset = self.param("offset", nothing, (out,))
        whiten = self.param("whiten", start, (came, self.scores))
        dense = functools.partial(nn.Dense, precision=jax.lax.Precision.HIGHEST)
        x = points.reshape(-1, came) - centre[None]
        y = nn.relu(dense(self.hidden, name="narrow")(plane.product(x, whiten)))
        y = dense(out, kernel_init=nothing, name="widen")(y)
        return (plane.product(x, linear) + offset[None] + y).reshape(
            -1, self.landmarks, 2
        )
