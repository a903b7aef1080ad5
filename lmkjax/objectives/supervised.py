"""Faces labelled in the network's own scheme: every stack learns their landmarks."""

import dataclasses
from collections.abc import Callable, Mapping

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lmkjax.landmarks import points
from lmkjax.models import network as networks
from lmkjax.types import Batch, Key, Metrics, Moment, Outputs, Scalar, typed

Loss = Callable[..., Float[Array, " b"]]
"""`loss(logits, target, valid) -> [b]`, as those of `losses.landmark`."""


@dataclasses.dataclass(frozen=True)
class Supervised:
    """The heatmap loss of labelled faces, the mean over the stacks.

    Several streams count face by face: one with more faces weighs more.

    Attributes:
        loss: `loss(logits, target, valid)` with target in heatmap pixels.
        streams: those whose points are of the network's own scheme.
    """

    loss: Loss
    streams: tuple[str, ...] = ("source",)

    def __call__(
        self,
        key: Key,
        network: networks.Bound,
        outputs: Mapping[str, Outputs],
        batches: Mapping[str, Batch],
        *,
        moment: Moment,
    ) -> tuple[Scalar, Metrics]:
        """The mean over faces, and for the log the loss of each stream's last stack.

        Args:
            key: not needed.
            network: for its maps.
            outputs: what the network said, per stream.
            batches: labelled faces, per stream.
            moment: not needed.

        Returns:
            The value and metrics as (sum, count).
        """
        total, count, metrics = jnp.zeros(()), jnp.zeros(()), {}
        for name in self.streams:
            batch = batches[name]
            losses = [
                faces_loss(
                    self.loss, network.head(features, batch.places, stack=i), batch
                )
                for i, features in enumerate(outputs[name].features)
            ]
            faces = batches[name].mask.sum().astype(jnp.float32)
            total += sum(losses).sum() / len(losses)
            count += faces
            metrics[f"{name}_last"] = (losses[-1].sum(), faces)
        return total / jnp.maximum(count, 1.0), metrics


@typed
def faces_loss(
    loss: Loss,
    logits: Float[Array, "b h w k"],
    batch: Batch,
    offset: Float[Array, "b k 2"] | None = None,
) -> Float[Array, " b"]:
    """The loss of one set of maps; faces that only fill the batch have 0.

    A landmark outside the picture adds nothing; one hidden by something inside it
    does: its place is known, and is what is asked for.

    Args:
        loss: of maps.
        logits: the maps.
        batch: the truth.
        offset: what is added to the points of the maps, shares of a map's side.
    """
    size = batch.image.shape[-2]
    valid: Bool[Array, "b k"] = points.inside(batch.points, size=size)
    valid &= batch.mask[:, None]
    target = points.rescale(batch.points, old_px=size, new_px=logits.shape[-2])
    if offset is not None:
        target = target - offset * logits.shape[-2]
    return loss(logits, target, valid)
