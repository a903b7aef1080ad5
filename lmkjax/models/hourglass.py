"""The network that sees the face: stacked hourglasses."""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from lmkjax.models import blocks
from lmkjax.types import Outputs, typed


class Hourglass(nn.Module):
    """Looks at a face from coarse to fine, and comes back to its own size.

    Halves the resolution `depth` times, then doubles it as often; every level
    adds its own detail back.

    Attributes:
        depth: how often the resolution is halved, at least 1.
        features: channels of every level; the input must bear as many.
        dtype: the type computed in; parameters stay float32.

    Source: Newell et al., "Stacked Hourglass Networks for Human Pose
        Estimation", ECCV 2016.
    """

    depth: int
    features: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """What the face looks like around each cell, from near and far."""
        h, w = x.shape[1:3]
        if h % 2**self.depth or w % 2**self.depth:
            raise ValueError(f"{h} x {w} cannot be halved {self.depth} times.")
        detail = blocks.Residual(self.features, self.dtype, name="detail")(x)
        y = blocks.Residual(self.features, self.dtype, name="enter")(blocks.halve(x))
        if self.depth > 1:
            y = Hourglass(self.depth - 1, self.features, self.dtype, name="inner")(y)
        else:
            y = blocks.Residual(self.features, self.dtype, name="middle")(y)
        y = blocks.Residual(self.features, self.dtype, name="leave")(y)
        return detail + blocks.double(y)


class Stem(nn.Module):
    """From pixels to features at a quarter of the size.

    We differ from Newell et al.: for their 7 x 7 convolution with stride 2 we fold
    two by two pixels into one and look at 3 x 3 of those (6 x 6 pixels), which is
    far cheaper; and the residual blocks come after the second halving.

    Attributes:
        features: channels that come out.
        dtype: the type computed in.
    """

    features: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(self, image: Float[Array, "b h w 3"]) -> Float[Array, "b h4 w4 c"]:
        """Features of RGB in [0, 1]; both sides must be multiples of 4."""
        half = max(self.features // 2, 1)
        x = blocks.fold(image.astype(self.dtype) - 0.5)
        x = blocks.Apart(half, window=3, dtype=self.dtype, name="look")(x)
        x = blocks.halve(nn.relu(blocks.Norm(dtype=self.dtype, name="norm")(*x)))
        x = blocks.Residual(self.features, self.dtype, name="first")(x)
        return blocks.Residual(self.features, self.dtype, name="second")(x)


class HourglassNet(nn.Module):
    """A face to features, by several hourglasses in a row.

    What each stack found goes back into the next stack's input, `x += fc_(y)`. Newell's
    `score_(score)` beside it reads the maps, which are linear in y: two linear layers
    are one. Features are a quarter as large as the picture.

    Attributes:
        stacks: how many hourglasses.
        features: channels.
        depth: halvings in each hourglass.
        dtype: the type computed in; parameters stay float32.

    Source: Newell et al., "Stacked Hourglass Networks for Human Pose Estimation",
        ECCV 2016, with group norm for batch norm and a lighter stem.
    """

    stacks: int = 2
    features: int = 64
    depth: int = 3
    dtype: DTypeLike = jnp.float32

    def setup(self):
        """One of each per stack; a path reads `hourglasses_0/inner/detail`."""
        f, dtype = self.features, self.dtype
        each, between = range(self.stacks), range(self.stacks - 1)
        self.stem = Stem(f, dtype)
        self.hourglasses = [Hourglass(self.depth, f, dtype) for _ in each]
        self.residuals = [blocks.Residual(f, dtype) for _ in each]
        self.linears = [blocks.Apart(f, dtype=dtype) for _ in each]
        self.norms = [blocks.Norm(dtype=dtype) for _ in each]
        self.fc = [blocks.Dense(f, dtype=dtype) for _ in between]

    @typed
    def __call__(self, image: Float[Array, "b h w 3"]) -> Outputs:
        """Every stack's features.

        Args:
            image: RGB in [0, 1]; its sides are multiples of 4 * 2^depth.
        """
        x = self.stem(image)
        features = []
        for i in range(self.stacks):
            y = self.residuals[i](self.hourglasses[i](x))
            y = nn.relu(self.norms[i](*self.linears[i](y)))
            features.append(y)
            if i < self.stacks - 1:
                x = x + self.fc[i](y)
        return Outputs(features=tuple(features))


@typed
def maps(
    features: Float[Array, "b h w c"],
    kernels: Float[Array, "*b k c"],
    *,
    gain: float = 16.0,
) -> Float[Array, "b h w k"]:
    """One map per landmark: features times kernels; logits, float32.

    Of bfloat16 features they have bfloat16's digits: of a peak of 20 on 64 x 64 cells,
    soft-argmax is then 0.01 cells off in the mean.

    Without a bias: a softmax over the cells would not see it.

    Args:
        features: of a stack.
        kernels: of the landmarks; with faces in front, each face's own.
        gain: factor on the logits. A softmax over many cells wants logits far apart,
            and Adam moves each weight by no more than the learning rate: with a gain
            of 16 the maps are sharp after tens of steps, not hundreds.
    """
    b, h, w, c = features.shape
    # Here, and not on the maps: they are a thousand times as many numbers.
    kernels = (gain * kernels).astype(features.dtype)
    if kernels.ndim == 2:
        # As one plain matrix product: twice as fast on a CPU as one of four axes.
        found = features.reshape(-1, c) @ kernels.T
    else:
        found = jnp.einsum("bnc,bkc->bnk", features.reshape(b, h * w, c), kernels)
    return found.reshape(b, h, w, -1).astype(jnp.float32)
