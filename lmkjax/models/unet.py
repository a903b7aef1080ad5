"""Label transfer: maps of one scheme's landmarks to maps of the 68 iBug landmarks."""

import functools

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from lmkjax.models import blocks, hourglass
from lmkjax.types import typed


class Level(nn.Module):
    """One level of the U: look, go down and come back, look at both together.

    Attributes:
        depth: how many levels lie below.
        features: channels.
        dtype: the type computed in.
    """

    depth: int
    features: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """The features, with their surroundings seen."""
        x = blocks.Residual(self.features, self.dtype, name="enter")(x)
        if self.depth == 0:
            return x
        below = Level(self.depth - 1, self.features, self.dtype, name="below")
        y = blocks.double(below(blocks.halve(x)))
        both = jnp.concatenate([x, y], axis=-1)
        return blocks.Residual(self.features, self.dtype, name="leave")(both)


class UNet(nn.Module):
    """Maps of the network's landmarks to maps of the 68.

    The answer is a linear mixture of the maps that came in, which begins as those
    nearest to the 68, plus what a small U-Net adds, which begins at nothing: before
    the first step it is the subset's maps. A constant added to a map that comes
    in, which no softmax sees, changes nothing here either.

    Both read mixtures of maps alone, and a map is features times a kernel: so kernels
    are mixed and the maps, many as they may be, never made.

    Attributes:
        features: channels inside.
        depth: how often the resolution is halved.
        landmarks: maps that come out.
        subset: for each of them, the index of the map that it begins as; None = a
            random mixture.
        gain: factor on what the U-Net adds, see `hourglass.maps`.
        dtype: the type computed in; parameters and logits stay float32.

    Source: the idea of a U-Net between two label sets is Synthesis AI's; Ronneberger
        et al., "U-Net", MICCAI 2015. The linear mixture is ours.
    """

    features: int = 48
    depth: int = 2
    landmarks: int = 68
    subset: tuple[int, ...] | None = None
    gain: float = 16.0
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(
        self, features: Float[Array, "b h w c"], kernels: Float[Array, "k c"]
    ) -> Float[Array, "b h w l"]:
        """Logits of the 68 landmarks.

        Args:
            features: of the last stack.
            kernels: of the maps that come in, with the gain of their logits.

        Raises:
            ValueError: `subset` does not name one map that came in per landmark, or
                the maps cannot be halved `depth` times.
        """
        mix = functools.partial(nn.Dense, use_bias=False, precision="highest")
        start = self._start(len(kernels))
        mixed = mix(self.landmarks, kernel_init=start, name="mixture")(kernels.T)
        mixture = hourglass.maps(features, mixed.T, gain=1.0)
        mixed = mix(self.features, name="narrow")(kernels.T)
        x = hourglass.maps(features, mixed.T, gain=1.0)
        x = (x - x.mean((1, 2), keepdims=True)).astype(self.dtype)
        x = Level(self.depth, self.features, self.dtype, name="level")(x)
        x = nn.relu(blocks.Norm(dtype=self.dtype, name="norm")(x))
        nothing = nn.initializers.zeros
        added = blocks.Dense(
            self.landmarks, kernel_init=nothing, dtype=self.dtype, name="added"
        )(x)
        return mixture + self.gain * added.astype(jnp.float32)

    def _start(self, maps):
        """The mixture's first weights: one for the nearest map, or chance."""
        if self.subset is None:
            return nn.initializers.lecun_normal()
        if len(self.subset) != self.landmarks or max(self.subset) >= maps:
            raise ValueError(
                f"Need {self.landmarks} indices below {maps} as subset; got "
                f"{len(self.subset)} up to {max(self.subset)}."
            )
        chosen = jnp.array(self.subset)

        def pick(key, shape, dtype=jnp.float32):
            return jnp.zeros(shape, dtype).at[chosen, jnp.arange(shape[1])].set(1.0)

        return pick
