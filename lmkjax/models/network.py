"""The whole network, and what a training term may call of it."""

import dataclasses
from typing import Any

from flax import linen as nn
from jaxtyping import Array, Float

from lmkjax.types import Outputs, typed


class LandmarkNetwork(nn.Module):
    """Face to maps, with the parts that some ways of training add.

    The parameters are `{"hourglass": ..., "transfer": ..., "critic": ...}`, of those
    that are there; `init` makes all of them from one image.

    Attributes:
        hourglass: picture to `Outputs`, with a method `head(features)`.
        transfer: maps of the network's own landmarks to maps of the 68, or None.
        critic: features to the logit of the domain, or None.
    """

    hourglass: nn.Module
    transfer: nn.Module | None = None
    critic: nn.Module | None = None

    @typed
    def __call__(self, image: Float[Array, "b h w 3"]) -> Outputs:
        """Every stack's features and logits of RGB images in [0, 1]."""
        outputs = self.hourglass(image)
        if self.is_initializing():
            if self.transfer is not None:
                self.transfer(outputs.logits[-1])
            if self.critic is not None:
                self.critic(outputs.features[-1])
        return outputs

    def head(self, features):
        """The maps of the last stack's features."""
        return self.hourglass.head(features)


@dataclasses.dataclass(frozen=True)
class Bound:
    """The network's parts with their parameters, as a training term sees them.

    Attributes:
        module: the network.
        params: its parameters.
    """

    module: LandmarkNetwork
    params: Any

    @typed
    def head(self, features: Float[Array, "b h w c"]) -> Float[Array, "b h w k"]:
        """The maps of the last stack's features."""
        return self._apply("head", features)

    @typed
    def transfer(self, logits: Float[Array, "b h w k"]) -> Float[Array, "b h w 68"]:
        """Maps of the 68 iBug landmarks from maps of the network's own.

        Raises:
            ValueError: the network has no label transfer.
        """
        return self._apply("transfer", logits)

    @typed
    def criticise(self, features: Float[Array, "b h w c"]) -> Float[Array, " b"]:
        """The logit that a face comes from the source domain.

        Raises:
            ValueError: the network has no critic.
        """
        return self._apply("critic", features)

    def _apply(self, part, x):
        if getattr(self.module, part) is None:
            raise ValueError(f"The network was made without its part '{part}'.")
        variables = {"params": self.params}
        return self.module.apply(variables, x, method=lambda m, x: getattr(m, part)(x))
