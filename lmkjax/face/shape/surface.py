"""The head as it is drawn: its triangles cut small, and what never changes on them."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import light, raster
from lmkjax.face.shape import atlas
from lmkjax.face.shape import head as heads

EDGE_CM = 2.0
"""Longer edges are halved: shade and shadow are known at the vertices only."""
PIVOT = (0.0, 1.0, 2.0)
"""What the head turns about, cm in its own axes."""


@struct.dataclass
class Sides:
    """How the two sides of a face differ, standard deviations.

    Attributes:
        jaw: to one side, and one end of it lower.
        nose: to one side.
        eyes: one higher.
        mouth: to one side, and one corner higher.
        cheeks: one wider.
        depth: one side further in front.
    """

    jaw: Float[Array, "*b"]
    nose: Float[Array, "*b"]
    eyes: Float[Array, "*b"]
    mouth: Float[Array, "*b"]
    cheeks: Float[Array, "*b"]
    depth: Float[Array, "*b"]


@dataclasses.dataclass(frozen=True, eq=False)
class Surface:
    """The head's surface, cut small; v vertices, the head's own first.

    Attributes:
        head: whose surface.
        rounds: for each round of cutting, the two ends of each new vertex.
        triangles: t x 3.
        part: of each triangle, a number into the head's `part_names`.
        atlas: the places on the project's mean head that they stand for, cm.
        round: the way round that head to each vertex, cm; 0 in front.
        open_sky: share of the sky that each vertex sees.
    """

    head: heads.HeadLike
    rounds: tuple[tuple[np.ndarray, np.ndarray], ...]
    triangles: np.ndarray
    part: np.ndarray
    atlas: np.ndarray
    round: np.ndarray
    open_sky: np.ndarray


@functools.cache
def load(head: heads.HeadLike) -> Surface:
    """A head, cut for drawing; computed once for each."""
    paint = np.asarray(atlas.places(head), np.float64)
    triangles, part = head.triangles, head.part
    neutral, rounds = np.asarray(head.neutral, np.float64), []
    for _ in range(6):
        cut = _cut(neutral, triangles, part)
        if cut is None:
            break
        ends, triangles, part = cut
        rounds.append(ends)
        neutral, paint = (
            np.concatenate([old, (old[ends[0]] + old[ends[1]]) / 2])
            for old in (neutral, paint)
        )
    normal = raster.normals(neutral, triangles)
    sky = light.occlusion(neutral, triangles, normal)
    way = 9.0 * np.arctan2(paint[:, 0], paint[:, 2] + 3.0)
    return Surface(
        head,
        tuple(rounds),
        triangles,
        part,
        paint.astype(np.float32),
        way.astype(np.float32),
        sky,
    )


def extend(surface: Surface, values: Float[Array, "n c"]) -> Float[Array, "v c"]:
    """What the head's vertices carry, for the surface's vertices too."""
    for first, second in surface.rounds:
        middle = (values[first] + values[second]) / 2
        values = jnp.concatenate([values, middle])
    return values


def lopsided(surface: Surface, sides: Sides) -> Float[Array, "v 3"]:
    """How the two sides of a face differ: displacements, cm.

    Args:
        surface: where.
        sides: by how much; the mirrored face has all with the other sign.
    """
    x, y = surface.atlas[:, 0] / 8, surface.atlas[:, 1]
    zero = np.zeros_like(x)
    jaw = np.exp(-(((y + 7) / 4) ** 2))
    nose = np.exp(-(((y + 0.5) / 2.5) ** 2) - (x / 0.35) ** 2)
    eyes = np.exp(-(((y - 4) / 3) ** 2))
    mouth = np.exp(-(((y + 3.4) / 2) ** 2))
    basis = Sides(
        jaw=np.stack([0.22 * jaw, 0.10 * x * jaw, zero], 1),
        nose=np.stack([0.16 * nose, zero, zero], 1),
        eyes=np.stack([zero, 0.16 * x * eyes, zero], 1),
        mouth=np.stack([0.08 * mouth, 0.20 * x * mouth, zero], 1),
        cheeks=np.stack([0.12 * np.abs(x), zero, zero], 1),
        depth=np.stack([zero, zero, 0.25 * x], 1),
    )
    moves = jax.tree.map(lambda amount, way: amount * way.astype("f"), sides, basis)
    return sum(jax.tree.leaves(moves))


@functools.cache
def _child(surface: Surface) -> np.ndarray:
    """From the mean adult to a small child: displacements, cm.

    FaceKit's scans are of adults. A child's skull is large and its face short below
    the eyes, the eyes are large, nose and jaw small, the cheeks full.
    """
    head, place = heads.load(), surface.atlas.astype(np.float64)
    x, y, z = place.T
    centres = head.neutral[head.eye_centres].astype(np.float64)
    level = centres[:, 1].mean()
    below = np.minimum(y - level, 0)
    front = 1 / (1 + np.exp(-(z - 2.0)))
    move = np.zeros_like(place)
    move[:, 1] = -0.20 * below * np.exp(-((below / 16) ** 4))
    move[:, 1] += 0.10 * np.maximum(y - level, 0)
    cheeks = np.exp(-(((y + 2.5) / 3.5) ** 2)) * front
    move[:, 0] += 0.05 * x * cheeks + 0.03 * x * (y > level) * (1 - front)
    nose = np.exp(-(((y - 0.5) / 2.2) ** 2) - (x / 1.6) ** 2) * front
    move[:, 2] -= 0.9 * nose
    move[:, 0] -= 0.10 * x * nose
    chin = np.exp(-(((y + 7.5) / 2.2) ** 2) - (x / 4.0) ** 2) * front
    move[:, 2] -= 0.6 * chin
    for centre in centres:
        away = place - (centre + [0.0, 0.0, 0.3])
        near = np.exp(-((np.linalg.norm(away, axis=1) / 2.0) ** 2))
        move += 0.20 * away * near[:, None]
    return move.astype(np.float32)


def youth(surface: Surface, share: Float[Array, ""]) -> Float[Array, "v 3"]:
    """What makes an adult's head a child's: displacements, cm.

    Args:
        surface: where.
        share: 0 (adult) to 1 (a child of about three).
    """
    return share * _child(surface)


def _edges(points, triangles):
    ahead = np.roll(triangles, -1, 1)
    return np.linalg.norm(points[triangles] - points[ahead], axis=-1)


def _cut(points, triangles, part):
    """Halves each triangle at its longest edge, if that is long; None if none is."""
    lengths = _edges(points, triangles)
    long = lengths.max(1) > EDGE_CM
    if not long.any():
        return None
    rows = np.arange(len(triangles))
    # The same choice on both sides of an edge, whatever rounding does.
    which = np.round(lengths, 6).argmax(1)
    a, b, c = (triangles[rows, (which + i) % 3] for i in range(3))
    pairs = np.sort(np.stack([a, b], 1)[long], 1)
    unique, number = np.unique(pairs, axis=0, return_inverse=True)
    middle = len(points) + number.reshape(-1)
    first = np.stack([a[long], middle, c[long]], 1)
    second = np.stack([middle, b[long], c[long]], 1)
    triangles = np.concatenate([triangles[~long], first, second])
    part = np.concatenate([part[~long], part[long], part[long]])
    return (unique[:, 0], unique[:, 1]), triangles.astype(np.int32), part
