"""DALN: the head is its own critic of two domains."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from lmkjax.landmarks import places as head_places
from lmkjax.losses import adversarial
from lmkjax.models import network as networks
from lmkjax.types import (
    Batch,
    Key,
    Metrics,
    Moment,
    Outputs,
    Scalar,
    each_of,
    purposes,
)

LANDMARK, WINDOW, PIXEL = FORMS = ("landmark", "window", "pixel")
"""What a row of a matrix is: where a face's landmark is, on a coarse grid; how sure it
is of that, in a window around it; or what a pixel belongs to."""


@dataclasses.dataclass(frozen=True)
class DALN:
    """Minus the NWD of the head's maps, behind a gradient reversal.

    Making it small, the head pulls the two domains' predictions apart (it ascends
    the NWD) and the features, behind the reversal, bring them together.

    Attributes:
        form: one of `FORMS`: a matrix of faces x places, or of faces x cells of a
            window, per landmark; or one of pixels x landmarks.
        norm: of a matrix, one of `losses.adversarial.NORMS`.
        ramp: of the reversal, see `losses.adversarial.reversal_strength`.
        grid: cells along a side of the coarse grid, for "landmark".
        pixels: rows of a group, for "pixel".
        count: landmarks that a step asks about, spread over the scheme, others in each
            step; with a queue the same in all, as its rows must be. 0 = all.
        group: faces of each domain whose predictions make up a matrix, at most: the
            mean over groups is made small, and a group whose faces lie on one device
            needs no other; 0 = all faces of the step.
        queue: as many faces of a group's own earlier steps add their rows to its
            matrix, as they were then: a small batch makes the norm inaccurate.
        streams: source and target, as many faces of each.

    Raises:
        ValueError: another form or norm.

    Source: Chen et al., "Reusing the Task-specific Classifier as a Discriminator",
        CVPR 2022. No form of it for maps is published; these are ours. The queue is
        the idea of multi-batch nuclear norms (MBAN, ICME 2024).
    """

    form: str = LANDMARK
    norm: str = "nuclear"
    ramp: float = 0.1
    grid: int = 8
    pixels: int = 128
    count: int = 0
    group: int = 0
    queue: int = 0
    streams: tuple[str, ...] = ("source", "target")

    def __post_init__(self):
        """Refuses a form that nobody wrote."""
        for name, known in (("form", FORMS), ("norm", adversarial.NORMS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"Unknown {name} '{getattr(self, name)}'; known: {list(known)}."
                )

    def __call__(
        self,
        key: Key,
        network: networks.Bound,
        outputs: Mapping[str, Outputs],
        batches: Mapping[str, Batch],
        *,
        moment: Moment,
    ) -> tuple[Scalar, Metrics]:
        """Minus the discrepancy; for the log, it and the reversal's strength.

        Args:
            key: chance of the landmarks, and of the pixels for "pixel".
            network: for its head.
            outputs: what the network said, per stream.
            batches: not needed: the batches of a training are full.
            moment: sets the strength of the reversal; the rows kept.

        Returns:
            The value and metrics as (sum, count).

        Raises:
            ValueError: the streams have different numbers of faces.
        """
        strength = adversarial.reversal_strength(moment.progress, ramp=self.ramp)
        found = self._rows(key, network, outputs, strength)
        many = found[0].shape[2]
        whole = self._matrices(found, moment)
        # Rows kept have no gradient: those of now stand for all, or a longer queue
        # would be a smaller weight.
        full = many + (whole[0][0, 0, many:].sum(-1) > 0).sum()
        share = whole[0].shape[2] / full
        nwd = share * adversarial.discrepancy(*whole, norm=self.norm).mean()
        one = jnp.ones(())
        metrics = {"nwd": (nwd, one), "reversal": (strength, one)}
        return -nwd * (full / many), metrics

    def begin(self, faces: Mapping[str, int], maps: tuple[int, int, int]) -> Any:
        """No rows yet; see `objective.Remembering`."""
        h, w, k = maps
        k = min(self.count, k) or k
        count = faces[self.streams[0]]
        groups, group = count // self._group(count), self._group(count)
        columns = {
            LANDMARK: min(self.grid, h) ** 2,
            WINDOW: (2 * adversarial.REACH + 1) ** 2,
            PIXEL: k + 1,
        }[self.form]
        matrices = 1 if self.form == PIXEL else k
        rows = self.queue * (self.pixels if self.form == PIXEL else group) // group
        nothing = jnp.zeros((groups, matrices, rows, columns))
        return dict.fromkeys(self.streams, nothing) if rows else {}

    def remember(
        self,
        key: Key,
        network: networks.Bound,
        outputs: Mapping[str, Outputs],
        *,
        moment: Moment,
    ) -> Any:
        """The newest rows; see `objective.Remembering`."""
        whole = self._matrices(self._rows(key, network, outputs, jnp.zeros(())), moment)
        return {
            name: rows[:, :, : moment.memory[name].shape[2]]
            for name, rows in zip(self.streams, whole, strict=True)
        }

    def _matrices(self, found, moment):
        """The rows of a step above those that are kept, source and target."""
        if moment.memory is None:
            return found
        memory = jax.lax.stop_gradient(moment.memory)
        kept = [memory[name] for name in self.streams]
        return [_above(*both) for both in zip(found, kept, strict=True)]

    def _rows(self, key, network, outputs, strength):
        """The rows of a step, source and target [groups matrices rows columns]."""
        both = [outputs[name].features[-1] for name in self.streams]
        counts = [len(features) for features in both]
        if counts[0] != counts[1]:
            raise ValueError(
                "DALN needs as many source as target faces in a step (source_share = "
                f"0.5); got {counts[0]} and {counts[1]}."
            )
        asked = None  # all of the scheme
        if self.count:
            chance, key = purposes(key, "landmarks", "pixels")
            chance = None if self.queue else chance
            asked = head_places.some(chance, network.own, count=self.count)
        maps = [network.head(adversarial.reverse(f, strength), asked) for f in both]
        group = self._group(counts[0])
        if self.form == PIXEL:
            return [self._pixels(key, m.reshape(-1, group, *m.shape[1:])) for m in maps]
        if self.form == WINDOW:
            rows = [adversarial.around(m) for m in maps]
        else:
            grid = min(self.grid, maps[0].shape[1])  # or the map itself, where smaller
            rows = [adversarial.places(m, grid=grid) for m in maps]
        # Grouped last: groups across devices then hand over rows and not maps.
        grouped = [r.reshape(-1, group, *r.shape[1:]) for r in rows]
        return [r.transpose(0, 3, 1, 2) for r in grouped]

    def _pixels(self, key, maps):
        """Of each group; both domains are asked at the same pixels."""
        groups, group, h, w, _ = maps.shape
        keys = each_of(key, jnp.arange(groups))

        def rows(key, maps):
            chosen = jax.random.randint(key, (self.pixels,), 0, group * h * w)
            return adversarial.classes(maps, chosen)[None]

        return jax.vmap(rows)(keys, maps)

    def _group(self, faces):
        """The most faces that divide the step's, up to the group asked for."""
        most = min(self.group or faces, faces)
        return next(n for n in range(most, 0, -1) if faces % n == 0)


def _above(rows, kept):
    """Rows above others [groups matrices rows columns].

    Put in place by a product: where devices share the rows of a group it is one sum
    over them, and to join the two would send pieces from each to the next.
    """
    now, before = rows.shape[2], kept.shape[2]
    place = jnp.eye(now + before, now)
    high = jax.lax.Precision.HIGHEST
    placed = jnp.einsum("mn,gknc->gkmc", place, rows, precision=high)
    return placed + jnp.pad(kept, ((0, 0), (0, 0), (now, 0), (0, 0)))
