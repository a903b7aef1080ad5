"""The whole network, and what a training term may call of it."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from lmkjax.landmarks import heatmaps
from lmkjax.models import confidence as confidences
from lmkjax.models import hourglass
from lmkjax.types import Outputs, Places, typed

HEAD = "kernels"
"""The part of the parameters that makes maps of features."""


class LandmarkNetwork(nn.Module):
    """Face to features, places to kernels, both to maps; and what may be added.

    The parameters are `{"hourglass": ..., "kernels": ..., "transfer": ..., ...}`, of
    those parts that are there; `start` makes all of them.

    Attributes:
        hourglass: picture to `Outputs`.
        kernels: places to kernels, and to what else is known of them.
        confidence: features, maps and places to visibility and scale, or None.
        transfer: features and kernels of the own scheme to maps of the 68, or None.
        learned: places of the 68 to where another's labels put them, or None.
        critic: features to the logit of the domain, or None.
        rival: places to kernels, as another would have them, or None.
        gain: factor on the logits of the maps.
    """

    hourglass: nn.Module
    kernels: nn.Module
    confidence: nn.Module | None = None
    transfer: nn.Module | None = None
    learned: nn.Module | None = None
    critic: nn.Module | None = None
    rival: nn.Module | None = None
    gain: float = 16.0

    @typed
    def __call__(self, image: Float[Array, "b h w 3"]) -> Outputs:
        """Every stack's features of RGB images in [0, 1]."""
        return self.hourglass(image)

    def start(
        self, image: Float[Array, "b h w 3"], own: Places, ibug68: Places
    ) -> None:
        """Runs every part once: for `init(..., method="start")`.

        Args:
            image: a picture of the network's size.
            own: places of the network's own scheme.
            ibug68: places of the 68 landmarks.
        """
        features = self(image).features[-1]
        maps = self.maps(features, self.kernels(own)[-1])
        if self.confidence is not None:
            self.estimates(features, maps, own)
        if self.transfer is not None:
            self.by_transfer(features, self.kernels(own)[-1])
        if self.learned is not None:
            self.by_learned(features, ibug68)
        if self.critic is not None:
            self.critic(features)
        if self.rival is not None:
            self.rival(own)

    def maps(
        self, features: Float[Array, "b h w c"], kernels: Float[Array, "*b k c"]
    ) -> Float[Array, "b h w k"]:
        """One map per kernel."""
        return hourglass.maps(features, kernels, gain=self.gain)

    def estimates(
        self,
        features: Float[Array, "b h w c"],
        maps: Float[Array, "b h w k"],
        places: Places,
    ) -> confidences.Estimates:
        """Visibility and scale of the places whose maps of the last stack these are."""
        cells = features.astype(jnp.float32)
        there, top = heatmaps.means(jax.lax.stop_gradient(maps), cells)
        embedding = self.kernels.embed(places)
        return self.confidence(cells.mean((1, 2)), there, top, embedding)

    def by_transfer(
        self, features: Float[Array, "b h w c"], kernels: Float[Array, "k c"]
    ) -> Float[Array, "b h w 68"]:
        """Maps of the 68, from kernels of the network's own scheme."""
        return self.transfer(features, self.gain * kernels)

    def by_learned(
        self, features: Float[Array, "b h w c"], ibug68: Places
    ) -> tuple[Float[Array, "b h w 68"], Float[Array, "b 68 2"]]:
        """Maps of the 68 where the labels are, and offsets, shares of a map's side."""
        kernels = self.kernels(self.learned.moved(ibug68))[-1]
        maps = self.maps(features, kernels)
        return maps, self.learned.offset(features, maps)


@dataclasses.dataclass(frozen=True)
class Bound:
    """The network's parts with their parameters, as a training term sees them.

    Attributes:
        module: the network.
        params: its parameters.
        own: the places of its own scheme.
        ibug68: the places of the 68 landmarks.
    """

    module: LandmarkNetwork
    params: Any
    own: Places
    ibug68: Places

    @typed
    def head(
        self,
        features: Float[Array, "b h w c"],
        places: Places | None = None,
        *,
        stack: int = -1,
    ) -> Float[Array, "b h w k"]:
        """The maps of places, by default those of the own scheme, of a stack."""

        def head(module, features, places):
            return module.maps(features, module.kernels(places)[stack])

        return self._apply(head, features, self.own if places is None else places)

    @typed
    def see(self, image: Float[Array, "b h w 3"]) -> Outputs:
        """Every stack's features of RGB images in [0, 1]."""
        return self.module.apply({"params": self.params}, image)

    @property
    def has_confidence(self) -> bool:
        """Whether it has learned visibility and scale."""
        return self.module.confidence is not None

    @typed
    def estimate(
        self,
        features: Float[Array, "b h w c"],
        maps: Float[Array, "b h w k"],
        places: Places,
    ) -> confidences.Estimates:
        """Visibility and scale of the places whose maps of the last stack these are.

        Raises:
            ValueError: the network says nothing of them.
        """
        self._want("confidence")
        return self._apply(LandmarkNetwork.estimates, features, maps, places)

    @typed
    def transfer(
        self, features: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b h w 68"], Float[Array, "b 68 2"]]:
        """Maps of the 68 as another labels them, of the last stack's features.

        Returns:
            The maps, and what is to be added to their points, shares of a map's side.

        Raises:
            ValueError: the network has no label transfer.
        """
        if self.module.learned is not None:
            return self._apply(LandmarkNetwork.by_learned, features, self.ibug68)
        self._want("transfer")

        def transfer(module, features, places):
            return module.by_transfer(features, module.kernels(places)[-1])

        maps = self._apply(transfer, features, self.own)
        return maps, jnp.zeros((len(maps), 68, 2))

    @typed
    def rival(
        self, features: Float[Array, "b h w c"], places: Places
    ) -> Float[Array, "b h w k"]:
        """The rival's maps of places, of the last stack's features.

        Raises:
            ValueError: the network has no rival.
        """
        self._want("rival")

        def rival(module, features, places):
            return module.maps(features, module.rival(places)[-1])

        return self._apply(rival, features, places)

    @typed
    def criticise(self, features: Float[Array, "b h w c"]) -> Float[Array, " b"]:
        """The logit that a face comes from the source domain.

        Raises:
            ValueError: the network has no critic.
        """
        self._want("critic")
        return self._apply(lambda m, x: m.critic(x), features)

    def _want(self, part):
        if getattr(self.module, part) is None:
            raise ValueError(f"The network was made without its part '{part}'.")

    def _apply(self, method, *given):
        return self.module.apply({"params": self.params}, *given, method=method)
