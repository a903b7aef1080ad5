"""A mean teacher: averaged weights say of a photo what the network is to say of it.

The teacher sees the photo mildly changed, the network strongly; what the teacher finds
goes from the one picture into the other by the transforms that made them.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lmkjax.landmarks import heatmaps, points
from lmkjax.landmarks import places as head_places
from lmkjax.models import network as networks
from lmkjax.objectives import supervised
from lmkjax.types import Batch, Key, Metrics, Moment, Outputs, Places, Scalar, typed

MILD = "mild"
"""The view of the photos that the teacher is shown."""
POINTS, LABELS = FORMS = ("points", "labels")
"""What is made alike: where points are, or the whole map, as labels would have it."""


@dataclasses.dataclass(frozen=True)
class MeanTeacher:
    """The heatmap loss against the teacher's points, where the teacher is sure.

    How sure it is, its confidence head says, or without one the spread of its maps.

    Attributes:
        loss: `loss(logits, target, valid)` with target in heatmap pixels.
        ask: key and faces to the places that each face is asked for; None = those of
            the network's own scheme.
        decoder: how the teacher's maps are read, see `heatmaps.decode`.
        keep: share of the step's places that count, those that the teacher is surest
            of; 1 = all.
        ramp: share of the training in which the weight comes up to 1; 0 = from the
            first step on.
        mild: how much the teacher's picture is changed, a factor on the usual amount.
        strong: how much the network's is.
        style: probability that a picture of either domain takes on the colours of one
            of the other; the teacher's pictures keep theirs.
        streams: one, of photos; their labels are not read.

    Source: Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017;
        for keypoints Kim et al., "A Unified Framework for Domain Adaptive Pose
        Estimation", ECCV 2022. There the surer half counts, and a network for style
        transfer paints the pictures.
    """

    loss: supervised.Loss
    ask: Callable[[Key, int], Places] | None = None
    decoder: str = "soft_argmax"
    keep: float = 1.0
    ramp: float = 0.1
    mild: float = 0.0
    strong: float = 1.0
    style: float = 0.0
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
        """The mean over the places that count.

        For the log: how far the network's points are from the teacher's and how unsure
        the teacher is of all places, both shares of the picture's side; the share of
        places that count; and the ramp.

        Args:
            key: chance of the places.
            network: for its maps.
            outputs: what the network said, per stream.
            batches: the stream as the network saw it, and the view `MILD`.
            moment: how far the training is, and the teacher.

        Returns:
            The value and metrics as (sum, count).
        """
        (name,) = self.streams
        batch, view = batches[name], batches[MILD]
        places = self._places(key, network, len(batch.mask))
        teacher = dataclasses.replace(network, params=moment.average)
        target, unsure = self._taught(teacher, view, batch, places)
        size = batch.image.shape[-2]
        real = points.inside(target, size=size) & batch.mask[:, None]
        counts = real & surest(unsure, real, keep=self.keep)

        asked = turned(places, batch.frame)
        each = counts.sum(-1).astype(jnp.float32)
        total, stacks = jnp.zeros(()), outputs[name].features
        for stack, features in enumerate(stacks):
            maps = network.head(features, asked, stack=stack)
            cells = points.rescale(target, old_px=size, new_px=maps.shape[-2])
            total += (self.loss(maps, cells, counts) * each).sum() / len(stacks)
        found = heatmaps.decode(maps, decoder=self.decoder) / maps.shape[-2]
        apart = jnp.linalg.norm(found - target / size, axis=-1)
        ramp = weight(moment.progress, ramp=self.ramp)
        all_real = real.sum().astype(jnp.float32)
        return ramp * total / jnp.maximum(each.sum(), 1.0), {
            "apart": (jnp.where(counts, apart, 0.0).sum(), each.sum()),
            "unsure": (jnp.where(real, unsure, 0.0).sum(), all_real),
            "sure": (each.sum(), all_real),
            "ramp": (ramp, jnp.ones(())),
        }

    def _places(self, key, network, faces):
        """What each face is asked for, of faces that are not mirrored."""
        if self.ask is not None:
            return self.ask(key, faces)
        return jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (faces, *leaf.shape)), network.own
        )

    def _taught(self, teacher, view, batch, places):
        """Points in the network's picture, and how unsure the teacher is of them."""
        features = teacher.see(view.image).features[-1]
        asked = turned(places, view.frame)
        maps = teacher.head(features, asked)
        found = heatmaps.decode(maps, decoder=self.decoder)
        found = points.rescale(
            found, old_px=maps.shape[-2], new_px=view.image.shape[-2]
        )
        if teacher.has_confidence:
            unsure = math.sqrt(3) * jnp.exp(
                teacher.estimate(features, maps, asked).log_scale
            )
        else:
            unsure = heatmaps.spread(maps) / maps.shape[-2]
        carried = carry(found, view.frame, batch.frame)
        return jax.lax.stop_gradient((carried, unsure))


@typed
def weight(progress: Scalar, *, ramp: float) -> Scalar:
    """What the term counts at a share of the training: from exp(-5) up to 1.

    Args:
        progress: the share of the training that is over.
        ramp: the share at which it is 1; 0 = it always is.

    Source: Laine and Aila, "Temporal Ensembling for Semi-Supervised Learning",
        ICLR 2017.
    """
    left = 1 - jnp.minimum(progress / ramp, 1.0) if ramp else jnp.zeros(())
    return jnp.exp(-5 * jnp.square(left))


@typed
def carry(
    found: Float[Array, "b k 2"],
    origin: Float[Array, "b 3 3"],
    goal: Float[Array, "b 3 3"],
) -> Float[Array, "b k 2"]:
    """Points of one view of a face in another view of it.

    Args:
        found: pixels of the first view.
        origin: the first view's `Batch.frame`.
        goal: the other view's.
    """
    return points.apply(points.compose(goal, points.inverse(origin)), found)


@typed
def turned(places: Places, frame: Float[Array, "b 3 3"]) -> Places:
    """Places [b k] as pictures show them: on the other side of a mirrored head.

    Args:
        places: of the faces as they were photographed.
        frame: how the pictures came out of the photos, see `Batch.frame`.
    """
    area = frame[:, 0, 0] * frame[:, 1, 1] - frame[:, 0, 1] * frame[:, 1, 0]

    def choose(mirrored, own):
        there = (area < 0).reshape(-1, *(1,) * (own.ndim - 1))
        return jnp.where(there, mirrored, own)

    return jax.tree.map(choose, head_places.mirrored(places), places)


@typed
def surest(
    unsure: Float[Array, "b k"], real: Bool[Array, "b k"], *, keep: float
) -> Bool[Array, "b k"]:
    """Which of a step's places are among the surest.

    Args:
        unsure: the less, the surer.
        real: which count at all.
        keep: the share of those that is kept; 1 = all.
    """
    if keep >= 1:
        return real
    limit = jnp.nanquantile(jnp.where(real, unsure, jnp.nan), keep)
    return real & (unsure <= limit)
