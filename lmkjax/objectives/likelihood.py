"""A network learns whether a landmark can be seen, and how sure it may be of it."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from lmkjax.landmarks import heatmaps, points
from lmkjax.models import network as networks
from lmkjax.types import (
    UNKNOWN,
    VISIBLE,
    Batch,
    Key,
    Metrics,
    Moment,
    Outputs,
    Scalar,
)


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """Cross-entropy of the four states, and the likelihood of the error's length.

    The error r of a landmark's point has the density exp(-r / s) / (2 pi s^2) over the
    plane, s being what the network says. No gradient comes through the maps, so points
    are taken as they are; the features and the places' codes, which are read too, learn
    from both. A landmark outside the picture has no error, and is told to be outside.
    A face of which no landmark is known to be seen teaches nothing about it: a photo's
    labels tell what a crop leaves out or a rectangle hides, and never what is seen.

    Attributes:
        streams: of faces whose labels say what can be seen, or where points are.
    """

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
        """The sum of both, each a mean over landmarks; and for the log each of them.

        Args:
            key: not needed.
            network: for its maps and what it says of them.
            outputs: what the network said, per stream.
            batches: labelled faces, per stream.
            moment: not needed.

        Returns:
            The value and metrics as (sum, count).
        """
        value, metrics = jnp.zeros(()), {}
        for name in self.streams:
            batch, features = batches[name], outputs[name].features[-1]
            places = network.own if batch.places is None else batch.places
            maps = network.head(features, places)
            estimates = network.estimate(features, maps, places)
            real = jnp.broadcast_to(batch.mask[:, None], batch.visibility.shape)
            told = (batch.visibility == VISIBLE).any(-1, keepdims=True)
            known = real & told & (batch.visibility != UNKNOWN)
            state = jnp.maximum(batch.visibility, 0).astype(jnp.int32)
            chance = jax.nn.log_softmax(estimates.visibility)
            paid = -jnp.take_along_axis(chance, state[..., None], -1)[..., 0]
            seen = _sum(paid, known), known.sum().astype(jnp.float32)
            size = batch.image.shape[-2]
            found = jax.lax.stop_gradient(heatmaps.soft_argmax(maps))
            apart = found / maps.shape[-2] - batch.points / size
            away = jnp.sqrt(jnp.square(apart).sum(-1))
            inside = real & points.inside(batch.points, size=size)
            unlikely = away * jnp.exp(-estimates.log_scale) + 2 * estimates.log_scale
            sure = _sum(unlikely, inside), inside.sum().astype(jnp.float32)
            right = ((estimates.visibility.argmax(-1) == state) & known).sum()
            for total, count in (seen, sure):
                value += total / jnp.maximum(count, 1.0)
            metrics |= {
                f"{name}_visibility": seen,
                f"{name}_likelihood": sure,
                f"{name}_right": (right.astype(jnp.float32), seen[1]),
            }
        return value / len(self.streams), metrics


def _sum(values, valid):
    return jnp.where(valid, values, 0.0).sum()
