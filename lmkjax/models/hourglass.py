"""The network that sees the face: stacked hourglasses, one head per stack."""

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
        x = nn.Conv(half, (3, 3), dtype=self.dtype, name="look")(x)
        x = blocks.halve(nn.relu(blocks.Norm(dtype=self.dtype, name="norm")(x)))
        x = blocks.Residual(self.features, self.dtype, name="first")(x)
        return blocks.Residual(self.features, self.dtype, name="second")(x)


class Head(nn.Module):
    """Features to one map per landmark; linear.

    Without a bias: a softmax over the places would not see it, and on a CPU its
    gradient costs as much as a third of the loss.

    Attributes:
        landmarks: how many maps.
        features: channels that it reads.
        gain: factor on the logits. A softmax over many places wants logits far
            apart, and Adam moves each weight by no more than the learning rate: with
            a gain of 16 the maps are sharp after tens of steps, not hundreds.
        dtype: the type computed in.
    """

    landmarks: int
    features: int
    gain: float = 16.0
    dtype: DTypeLike = jnp.float32

    def setup(self):
        """Weights; small at first, so that the first maps are flat."""
        start = nn.initializers.variance_scaling(0.01, "fan_in", "truncated_normal")
        shape = (self.features, self.landmarks)
        self.kernel = self.param("kernel", start, shape, jnp.float32)

    @typed
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w k"]:
        """The logits, float32 whatever the type computed in."""
        # As one plain matrix product: twice as fast on a CPU as one of four axes.
        flat = x.reshape(-1, self.features) @ self.kernel.astype(self.dtype)
        maps = flat.reshape(*x.shape[:-1], self.landmarks).astype(jnp.float32)
        return self.gain * maps

    @typed
    def folded(self, score: Float[Array, "k c"]) -> Float[Array, "c c"]:
        """The kernel of this head, before its gain, followed by the linear map `score`.

        Newell's `score_(score)` reads the maps through a second linear layer. Two
        linear layers are one, as wide as the features and not as the landmarks:
        the same function for a small part of the work when landmarks are many.
        """
        return self.kernel @ score


class HourglassNet(nn.Module):
    """A face to one map per landmark, by several hourglasses in a row.

    Each stack has a head; what it found goes back into the next stack's input,
    `x += fc_(y) + score_(score)`. A map is a quarter as large as the picture.

    Attributes:
        landmarks: how many maps.
        stacks: how many hourglasses.
        features: channels.
        depth: halvings in each hourglass.
        gain: of the heads.
        dtype: the type computed in; parameters and logits stay float32.

    Source: Newell et al., "Stacked Hourglass Networks for Human Pose Estimation",
        ECCV 2016, with group norm for batch norm and a lighter stem.
    """

    landmarks: int
    stacks: int = 2
    features: int = 64
    depth: int = 3
    gain: float = 16.0
    dtype: DTypeLike = jnp.float32

    def setup(self):
        """One of each per stack; a path reads `hourglasses_0/inner/detail`."""
        f, dtype = self.features, self.dtype
        each, between = range(self.stacks), range(self.stacks - 1)
        self.stem = Stem(f, dtype)
        self.hourglasses = [Hourglass(self.depth, f, dtype) for _ in each]
        self.residuals = [blocks.Residual(f, dtype) for _ in each]
        self.linears = [blocks.Dense(f, dtype=dtype) for _ in each]
        self.norms = [blocks.Norm(dtype=dtype) for _ in each]
        self.heads = [Head(self.landmarks, f, self.gain, dtype) for _ in each]
        self.fc = [blocks.Dense(f, dtype=dtype) for _ in between]
        start = nn.initializers.lecun_normal()
        self.score = [
            self.param(f"score_{i}", start, (self.landmarks, f), jnp.float32)
            for i in between
        ]

    @typed
    def __call__(self, image: Float[Array, "b h w 3"]) -> Outputs:
        """Every stack's features and logits.

        Args:
            image: RGB in [0, 1]; its sides are multiples of 4 * 2^depth.
        """
        x = self.stem(image)
        features, logits = [], []
        for i in range(self.stacks):
            y = self.residuals[i](self.hourglasses[i](x))
            y = nn.relu(self.norms[i](self.linears[i](y)))
            features.append(y)
            logits.append(self.heads[i](y))
            if i < self.stacks - 1:
                folded = self.heads[i].folded(self.score[i]).astype(self.dtype)
                x = x + self.fc[i](y) + y @ folded
        return Outputs(features=jnp.stack(features), logits=jnp.stack(logits))

    @typed
    def head(self, features: Float[Array, "b h w c"]) -> Float[Array, "b h w k"]:
        """The last stack's maps of its features."""
        return self.heads[-1](features)
