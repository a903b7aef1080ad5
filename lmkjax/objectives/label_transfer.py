"""Faces labelled with the 68 points teach the network through the label transfer."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp

from lmkjax.models import network as networks
from lmkjax.objectives import supervised
from lmkjax.types import Batch, Key, Metrics, Moment, Outputs, Scalar

UNET, PLACES = FORMS = ("unet", "places")
"""What makes the 68: a U-Net of the network's maps, or 68 learned places."""


@dataclasses.dataclass(frozen=True)
class LabelTransfer:
    """The heatmap loss of the 68 landmarks that the label transfer finds.

    Its gradient reaches the transfer and, through it, the whole network.

    Attributes:
        loss: `loss(logits, target, valid)` with target in heatmap pixels.
        streams: one, whose points are the 68 of iBug.
    """

    loss: supervised.Loss
    streams: tuple[str, ...] = ("target",)

    def __call__(
        self,
        key: Key,
        network: networks.Bound,
        outputs: Mapping[str, Outputs],
        batches: Mapping[str, Batch],
        *,
        moment: Moment,
    ) -> tuple[Scalar, Metrics]:
        """The mean over faces, once as the value and once for the log.

        Args:
            key: not needed.
            network: for its label transfer.
            outputs: what the network said, per stream.
            batches: faces with 68 points, per stream.
            moment: not needed.

        Returns:
            The value and metrics as (sum, count).
        """
        (name,) = self.streams
        logits, offset = network.transfer(outputs[name].features[-1])
        paid = supervised.faces_loss(self.loss, logits, batches[name], offset)
        total = paid.sum()
        faces = batches[name].mask.sum().astype(jnp.float32)
        return total / jnp.maximum(faces, 1.0), {"faces": (total, faces)}
