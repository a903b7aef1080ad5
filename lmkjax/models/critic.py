"""A critic: from which domain does a face come, judged by its features?"""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from lmkjax.models import blocks
from lmkjax.types import typed


class Critic(nn.Module):
    """Features to the logit of the source domain.

    Attributes:
        features: channels inside.
        depth: how often the resolution is halved before the mean over what is left.
        dtype: the type computed in; parameters and the logit stay float32.

    Source: Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation",
        ICML 2015.
    """

    features: int = 64
    depth: int = 2
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(self, features: Float[Array, "b h w c"]) -> Float[Array, " b"]:
        """The logit that a face comes from the source domain.

        Raises:
            ValueError: the features cannot be halved `depth` times.
        """
        x = blocks.Dense(self.features, dtype=self.dtype, name="enter")(features)
        for level in range(self.depth):
            x = blocks.Residual(self.features, self.dtype, name=f"look_{level}")(x)
            x = blocks.halve(x)
        x = nn.relu(blocks.Norm(dtype=self.dtype, name="norm")(x)).mean((1, 2))
        return nn.Dense(1, dtype=jnp.float32, name="logit")(x)[:, 0]
