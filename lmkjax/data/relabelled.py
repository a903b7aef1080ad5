"""Faces that carry other labels than their own: those of a network."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.data import streams
from lmkjax.types import UNKNOWN, Batch, Key, Places, each_of


@dataclasses.dataclass(frozen=True)
class Relabelled:
    """Canvases with other points; what is to be seen of these, nobody knows.

    Attributes:
        canvases: the faces.
        points: float32 [faces, k, 2], pixels of the canvases.
    """

    canvases: streams.Canvases
    points: np.ndarray

    def __len__(self) -> int:
        return len(self.canvases)

    @property
    def portable(self) -> bool:
        """As `Canvases.portable`."""
        return self.canvases.portable

    def face(self, index: int) -> Batch:
        """As `Canvases.face`."""
        face, points = self.canvases.face(index), self.points[max(int(index), 0)]
        unknown = np.full(len(points), UNKNOWN, np.int8)
        return face.replace(points=points, visibility=unknown)


def draw(key: Key, batch: Batch, own: Places, count: int) -> Batch:
    """Some of the landmarks of a scheme, each face's drawn by chance.

    They are drawn at even steps along the scheme, whose neighbours lie side by side, so
    they are spread over the face, and each is as likely as any other.

    Args:
        key: of the chance.
        batch: with all landmarks of the scheme.
        own: the places of the scheme.
        count: how many are drawn of each face; more than there are = all.

    Returns:
        The batch with these points and places.
    """
    landmarks = batch.points.shape[1]
    count = min(count, landmarks)

    def one(key: Key, face: Batch) -> Batch:
        step = (jnp.arange(count) + jax.random.uniform(key, (count,))) / count
        row = jnp.clip(jnp.floor(step * landmarks).astype(jnp.int32), 0, landmarks - 1)
        return face.replace(
            points=face.points[row],
            visibility=face.visibility[row],
            places=jax.tree.map(lambda leaf: jnp.asarray(leaf)[row], own),
        )

    return jax.vmap(one)(each_of(key, jnp.arange(len(batch.mask))), batch)
