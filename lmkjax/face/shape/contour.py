"""The face's outline as a camera sees it, and as annotators cut it: evenly.

Between the jaw line and an inner line across the cheeks lies a band of the face
chart. Seen from any side, its outline is the jaw line where that faces the camera
and the edge of the cheek where the head turns away; neither ear nor hair nor nose
can stand out. Rays from the face's middle meet the outline; each half, from ear to
chin, is cut into steps of equal length in the picture.

The two lines were moved until the contour of heads fitted to the inner 51 points of
300-W train photos lay on the annotators' jaw (population means; no photo is kept).
Mean signed errors over 970 photos, in % of the ocular distance: up to 12 degrees of
yaw, across the line -0.5 to 0.9 and along it -1.8 to 0.6; beyond 22 degrees, far side
-1.2 to 2.2 and -1.9 to 0.6, near side -2.4 to 2.6 and -5.6 (beside the chin, too far
towards the ear) to 3.5 (the ear's end, too low).
Then the ears' ends went 0.4 cm up: a network trained on renders put them 7 % too low on
held-out near-frontal train photos, and so did the mean shape of renders.
"""

import functools

import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int

from lmkjax.face.shape import atlas, curves
from lmkjax.face.shape import head as heads
from lmkjax.types import typed

SPOKES = 32  # per side, from ear to chin, each from the outer to the inner line
ABOVE = 5  # more of them above the ear, so that the outline goes on past its ends
RINGS = 9  # along each spoke
RAYS = 28  # per side
PAST = 4  # spokes beyond the chin that may still be a half's outline


@struct.dataclass
class Band:
    """The part of the face whose outline counts, as vertices and weights.

    Attributes:
        ids: vertices of each node of the band [s r 3]; s runs from the right end over
            the chin to the left end, r from the outer line inwards.
        weights: theirs [s r 3].
        middle: vertices whose mean is the middle that the rays leave from.
    """

    ids: np.ndarray
    weights: np.ndarray
    middle: np.ndarray


@functools.cache
def band(head: heads.HeadLike) -> Band:
    """The band of a head; worked out once for each."""
    outer, inner = _cut("contour_outer"), _cut("contour_inner")
    step = np.linspace(0, 1, RINGS)[None, :, None] ** 1.5  # closer at the jaw's edge
    spots = outer[:, None] * (1 - step) + inner[:, None] * step
    spots = np.concatenate([spots, spots[-2::-1] * [-1, 1] + [1, 0]])
    ids, weights = atlas.place(head, spots.reshape(-1, 2))
    return Band(
        ids.reshape(-1, RINGS, 3),
        weights.reshape(-1, RINGS, 3),
        head.ibug68[[0, 16, 48, 54]],
    )


def _cut(name):
    """Spots along a line: `ABOVE` up to its ear knot, then `SPOKES` to the chin."""
    spots, knots, _ = curves.chart(name)
    length = np.linalg.norm(np.diff(spots, axis=0), axis=1)
    length = np.concatenate([[0], np.cumsum(length)])
    start, ear, chin = length[knots]
    at = np.linspace(start, ear, ABOVE, endpoint=False)
    at = np.concatenate([at, np.linspace(ear, chin, SPOKES)])
    return np.stack([np.interp(at, length, spots[:, i]) for i in range(2)], 1)


def _cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


@typed
def visible(
    points: Float[Array, "v 2"], band: Band, share: Float[Array, " k"]
) -> tuple[Float[Array, "k 2"], Int[Array, "k 6"], Float[Array, "k 6"]]:
    """Points of the outline that a camera sees, each half measured for itself.

    Args:
        points: every vertex of the head as a camera sees it, y down, in any unit.
        band: the part of the face whose outline counts.
        share: how far along each lies: 0 is the subject's right ear, 0.5 the chin, 1
            the left ear; steps of equal share are of equal length in the picture.

    Returns:
        The points, and each one's place on the head: six vertices and their weights,
        so that its depth and visibility can be known.
    """
    nodes = (points[band.ids] * band.weights[..., None]).sum(-2)
    flat = _upright(nodes - points[band.middle].mean(0)[None, None])
    chin = _direction(flat[flat.shape[0] // 2], 0.0)
    right = _measured(flat, _direction(flat[ABOVE], -1.0), chin, True)
    left = _measured(flat, _direction(flat[-1 - ABOVE], 1.0), chin, False)
    angle = jnp.where(
        share <= 0.5,
        jnp.interp(2 * share, *right),
        jnp.interp(2 * (1 - share), *left),
    )
    _, spoke, ring, past = _meet(flat, angle, share <= 0.5)
    ids, weights = jnp.asarray(band.ids), jnp.asarray(band.weights)
    ids = jnp.concatenate([ids[spoke, ring], ids[spoke + 1, ring]], -1)
    weights = jnp.concatenate(
        [
            weights[spoke, ring] * (1 - past)[:, None],
            weights[spoke + 1, ring] * past[:, None],
        ],
        -1,
    )
    return (points[ids] * weights[..., None]).sum(-2), ids, weights


def _upright(nodes):
    """The nodes about the middle in the face's axes: x across to its left, y down."""
    chin = nodes[nodes.shape[0] // 2, 0]
    down = chin / jnp.maximum(jnp.linalg.norm(chin), 1e-9)
    axes = jnp.stack([jnp.stack([down[1], -down[0]]), down], 1)
    return jnp.matmul(nodes, axes, precision="highest")


def _measured(flat, ear, chin, right):
    """The outline between two rays: rays' shares of its length, and their angles."""
    angle = ear + (chin - ear) * jnp.linspace(0.0, 1.0, RAYS)
    places = _meet(flat, angle, jnp.full(RAYS, right))[0]
    sides = jnp.linalg.norm(jnp.diff(places, axis=0), axis=-1)
    length = jnp.concatenate([jnp.zeros(1), jnp.cumsum(sides)])
    return length / jnp.maximum(length[-1], 1e-9), angle


def _direction(spoke, side):
    """The angle, from down towards +x, of a spoke's outermost node.

    Args:
        spoke: nodes [r 2].
        side: -1 or 1 for outward across the face, 0 for downward.
    """
    reach = spoke[:, 0] * side if side else spoke[:, 1]
    end = spoke[jnp.argmax(reach)]
    return jnp.arctan2(end[0], end[1])


def _meet(flat, angle, right):
    """Where rays meet the outline: the outermost crossing of any ring.

    Of a head that is turned and looks up, the far jaw may stand out below the near
    one, and in profile the sides lie upon each other: a half keeps to its own side,
    as annotators do, where that is met at all.

    Args:
        flat: nodes of the band [s r 2].
        angle: of the rays [n].
        right: whether each belongs to the subject's right half [n].

    Returns:
        Places [n 2], and on which ring, after which spoke and how far past it.
    """
    rays = jnp.stack([jnp.sin(angle), jnp.cos(angle)], -1)[:, None, None]
    a, b = flat[None, :-1], flat[None, 1:]
    from_a, to_b = _cross(rays, a), _cross(rays, b)
    share = from_a / jnp.where(from_a == to_b, 1.0, from_a - to_b)
    place = a + (b - a) * share[..., None]
    reach = (place * rays).sum(-1)
    crossed = (from_a * to_b <= 0) & (from_a != to_b)
    spokes, chin = jnp.arange(flat.shape[0] - 1)[None], flat.shape[0] // 2
    own = jnp.where(right[:, None], spokes < chin + PAST, spokes >= chin - PAST)
    worse = 2 * jnp.linalg.norm(flat, axis=-1).max()  # than any of its own
    reach = jnp.where(own[..., None], reach, reach - worse)
    reach = jnp.where(crossed, reach, -jnp.inf)
    best = reach.reshape(len(angle), -1).argmax(1)
    spoke, ring = jnp.unravel_index(best, reach.shape[1:])
    rows = jnp.arange(len(angle))
    return place[rows, spoke, ring], spoke, ring, share[rows, spoke, ring]
