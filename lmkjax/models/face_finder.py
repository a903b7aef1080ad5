"""The network that finds faces: of each 8 x 8 pixels, whether one is there, its box.

It looks for faces of about one size; larger ones are found in a smaller copy of the
photo, so that a face of any size is learned from all. Norms are over a cell's own
channels: what is seen does not depend on how large the photo is, or on its rim.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from lmkjax.models import blocks
from lmkjax.types import typed

STRIDE = 8
"""Pixels of a cell of the answer."""
DEEP = 4
"""What sides must divide by, in cells."""
MIDDLE = 24.0
"""Pixels: the box's side that an answer of 0 stands for."""


class Look(nn.Module):
    """As `blocks.Residual`, each cell normalised by itself.

    Attributes:
        features: channels that come out; half as many inside.
        dtype: the type computed in.
    """

    features: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """The input, looked at once."""
        inside = self.features // 2
        y = nn.LayerNorm(dtype=self.dtype, name="norm")(x)
        y = nn.relu(blocks.Dense(inside, dtype=self.dtype, name="narrow")(y))
        y = nn.relu(nn.Conv(inside, (3, 3), dtype=self.dtype, name="look")(y))
        y = blocks.Dense(self.features, dtype=self.dtype, name="widen")(y)
        if x.shape[-1] != self.features:
            x = blocks.Dense(self.features, dtype=self.dtype, name="match")(x)
        return x + y


class FaceFinder(nn.Module):
    """Scores and boxes of faces, of each cell.

    Attributes:
        width: channels at the answer's resolution; half as many more each time that it
            is halved, twice.
        dtype: the type computed in.

    Source: one stage, anchor-free, as Zhou et al., "Objects as Points", 2019, and Tian
        et al., "FCOS", ICCV 2019.
    """

    width: int = 64
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(self, images: Float[Array, "b h w 3"]) -> Float[Array, "b y x 5"]:
        """Logit of a face whose middle is in the cell; see `boxes` for the others.

        Raises:
            ValueError: a side is no multiple of `STRIDE` times `DEEP`.
        """
        h, w = images.shape[1:3]
        if h % (STRIDE * DEEP) or w % (STRIDE * DEEP):
            raise ValueError(
                f"Need sides that {STRIDE * DEEP} divides; got {h} x {w} pixels."
            )
        x = blocks.fold(blocks.fold((images - 0.5) * 4))
        x = nn.relu(nn.Conv(32, (3, 3), dtype=self.dtype, name="first")(x))
        x = blocks.fold(Look(32, self.dtype, name="near")(x))
        sizes = [self.width, self.width * 3 // 2, self.width * 2]
        levels = []
        for depth, (features, looks) in enumerate(zip(sizes, (2, 2, 3), strict=True)):
            x = blocks.halve(x) if depth else x
            for look in range(looks):
                x = Look(features, self.dtype, name=f"down_{depth}_{look}")(x)
            levels.append(x)
        for depth in (1, 0):
            x = blocks.Dense(sizes[depth], dtype=self.dtype, name=f"up_{depth}")(x)
            x = levels[depth] + blocks.double(x)
            x = Look(sizes[depth], self.dtype, name=f"join_{depth}")(x)
        x = nn.LayerNorm(dtype=self.dtype, name="norm")(x)
        x = nn.relu(nn.Conv(self.width, (3, 3), dtype=self.dtype, name="last")(x))
        rare = jnp.array([-4.0, 0.0, 0.0, 0.0, 0.0])  # most cells hold no face
        said = blocks.Dense(
            5,
            kernel_init=nn.initializers.normal(0.01),
            bias_init=lambda *_: rare,
            name="said",
        )(x)
        return said.astype(jnp.float32)


@typed
def boxes(said: Float[Array, "b y x 5"]) -> Float[Array, "b y x 4"]:
    """The boxes that each cell speaks of, left, top, right, bottom, pixels."""
    rows, columns = said.shape[1:3]
    x = (jnp.arange(columns) + 0.5)[None, None, :] + said[..., 1]
    y = (jnp.arange(rows) + 0.5)[None, :, None] + said[..., 2]
    half = MIDDLE / 2 * jnp.exp(jnp.clip(said[..., 3:], -4.0, 4.0))
    middle = jnp.stack([x, y], -1) * STRIDE
    return jnp.concatenate([middle - half, middle + half], -1)
