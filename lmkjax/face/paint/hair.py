"""Hair: a cap that follows the scalp, and a curtain that hangs from it.

Both are grids of (way round the head) x (way down). What is hair is decided per
pixel (`strands`), by a field in cm that is 0 at the hairline and the ends, plus noise.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import blend, noise
from lmkjax.face.paint import props, traits
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import points as plane
from lmkjax.types import typed

CENTRE = np.array([0.0, 4.5, 0.0])
COLUMNS, CAP_ROWS, CURTAIN_ROWS = 48, 18, 14
RING = 9  # row of the cap that the curtain hangs from: above the ears
DROP_CM = 6.0  # from there to below the ears
CHIN_CM = -8.6
"""Where a scarf closes below the mean head's chin."""
ANGLES_DEG = (0, 22, 40, 52, 60, 66, 73, 85, 100, 115, 135, 180)
HAIRLINE_CM = (10.6, 10.4, 9.6, 7.8, 5.0, 2.2, 4.8, 6.2, 5.2, 0.0, -4.0, -5.5)
"""Height of the hairline at angles from the front, in the mean head's axes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """What never changes about the hair's surface; g nodes of the cap.

    Attributes:
        ids: three vertices of the head that each node of the cap stands on.
        weights: theirs.
        stand: from there to the node on the mean head, cm.
        out: unit vectors away from the head.
        angle: way round the head, radians, 0 in front, of the cap's nodes.
        height: of the cap's nodes on the mean head, cm.
        triangles: of the cap and then the curtain.
        scalp: whether the head has one; else it stays bald.
    """

    ids: np.ndarray
    weights: np.ndarray
    stand: np.ndarray
    out: np.ndarray
    angle: np.ndarray
    height: np.ndarray
    triangles: np.ndarray
    scalp: bool


@struct.dataclass
class Locks:
    """The hair's surface on one head; n nodes.

    Attributes:
        places: cm, in the head's axes.
        along: unit vectors along the strands.
        field: cm inside the hair; below 0 there is none.
        chart: way round and way down, cm.
        keep: triangles that may show hair.
        net: the grid that they are of.
    """

    places: Float[Array, "n 3"]
    along: Float[Array, "n 3"]
    field: Float[Array, " n"]
    chart: Float[Array, "n 2"]
    keep: Float[Array, " t"]
    net: Grid = struct.field(pytree_node=False)


@functools.cache
def grid(head: heads.HeadLike) -> Grid:
    """The grid on a head; computed once for each, on the host."""
    shown = np.isin(head.part, [heads.number(head, n) for n in ("face", "head")])
    corners = head.neutral[head.triangles[shown]].astype(np.float64)
    middle = corners.mean(1)
    ear = (np.abs(middle[:, 0]) > 7.6) & (np.abs(middle[:, 1] - 1.2) < 5.2)
    ear &= np.abs(middle[:, 2] + 0.2) < 3.6
    triangles = head.triangles[shown][~ear]
    angle = np.linspace(-np.pi, np.pi, COLUMNS + 1)
    polar = np.deg2rad(np.linspace(3, 128, CAP_ROWS))
    turn, fall = np.meshgrid(angle, polar)
    out = np.stack(
        [np.sin(fall) * np.sin(turn), np.cos(fall), np.sin(fall) * np.cos(turn)], -1
    ).reshape(-1, 3)
    number, weights, reach = _cast(head.neutral[triangles] - CENTRE, out)
    number, reach = _fill(number, reach)
    ids = triangles[number]
    base = np.einsum("gcx,gc->gx", head.neutral[ids], weights)
    place = CENTRE + out * reach[:, None]
    columns = COLUMNS + 1
    hanging = _faces(CURTAIN_ROWS, columns, 0)
    shut = (hanging % columns != COLUMNS // 2).all(1)  # the front's column stays open
    return Grid(
        ids=ids,
        weights=weights.astype(np.float32),
        stand=(place - base).astype(np.float32),
        out=out.astype(np.float32),
        angle=turn.ravel().astype(np.float32),
        height=place[:, 1].astype(np.float32),
        triangles=np.concatenate(
            [
                _faces(CAP_ROWS, columns, 0),
                hanging[shut] + CAP_ROWS * columns,
            ]
        ),
        scalp="head" in head.part_names,
    )


def _cast(corners, rays):
    """The outermost triangle each ray from the origin meets; -1 if none."""
    inverse = np.linalg.inv(corners + 1e-9 * np.eye(3))
    number = np.full(len(rays), -1)
    reach = np.zeros(len(rays))
    weights = np.full((len(rays), 3), 1 / 3)
    for i, ray in enumerate(rays):
        share = ray @ inverse
        total = share.sum(1)
        hit = (share > -1e-6).all(1) & (total > 1e-9)
        if hit.any():
            best = np.flatnonzero(hit)[np.argmax(1 / total[hit])]
            number[i], reach[i] = best, 1 / total[best]
            weights[i] = share[best] / total[best]
    return number, weights, reach


def _fill(number, reach):
    """Where the ears were cut away: the neighbours' triangle and mean reach."""
    shape = (CAP_ROWS, COLUMNS + 1)
    number, reach = number.reshape(shape), reach.reshape(shape)
    missing = number < 0
    reach = np.where(missing, reach[~missing].mean(), reach)
    for _ in range(200):
        wide = np.pad(reach, 1, mode="edge")
        mean = (wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4
        reach = np.where(missing, mean, reach)
    rows, columns = np.nonzero(~missing)
    for r, c in zip(*np.nonzero(missing), strict=True):
        near = np.argmin((rows - r) ** 2 + (columns - c) ** 2)
        number[r, c] = number[rows[near], columns[near]]
    return number.ravel(), reach.ravel()


def _faces(rows, columns, first):
    corner = first + np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)
    a, b = corner.ravel(), corner.ravel() + 1
    c, d = a + columns, b + columns
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    return faces.astype(np.int32)


def _field(person, angle, height):
    """How far inside the hairline a place of the scalp is, cm."""
    line = np.interp(np.abs(np.rad2deg(angle)), ANGLES_DEG, HAIRLINE_CM)
    front = np.exp(-((angle / 0.55) ** 4))
    temple = np.exp(-(((np.abs(angle) - 0.62) / 0.25) ** 2))
    ears = np.exp(-(((np.abs(angle) - 1.15) / 0.1) ** 2))
    nape = np.exp(-(((np.abs(angle) - np.pi) / 0.9) ** 2))
    own, bangs = person.line, np.exp(-((angle / 0.85) ** 6))
    line = line + own.lift_cm * np.exp(-((angle / 0.9) ** 4))
    line = line + own.recede_cm * (temple + 0.4 * front)
    line = line - own.fringe_cm * bangs * (1 + own.slant * angle)
    line = line - own.sideburns_cm * ears + own.nape_cm * nape
    # A scarf leaves the face's oval open, and lies over all that is aside of it.
    brow = np.interp(np.abs(angle), [0, 0.6, 0.85], [9.3, 8.0, 3.5])
    scarf = np.maximum(height - brow, (np.abs(angle) - 0.84) * 9.0)
    scarf = np.where((np.abs(angle) > 1.3) & (height < 3.0), -9.0, scarf)  # unseen
    return height - line + (scarf - height + line) * person.cloth


@typed
def grow(
    net: Grid, shape: Float[Array, "v 3"], person: traits.Hair, *, hat: props.Hat
) -> Locks:
    """The hair's surface on a head.

    Args:
        net: the head's grid.
        shape: the head's vertices, in its own axes.
        person: whose hair.
        hat: presses what is under it, if it is worn.
    """
    columns, cap = COLUMNS + 1, len(net.height)
    angle, height = net.angle, net.height
    base = plane.einsum("gcx,gc->gx", shape[net.ids], net.weights) + net.stand
    field = _field(person, angle, height)
    down = (net.out[:, 1] < 0.97) * np.arccos(np.clip(net.out[:, 1], -1, 1)) * 9.0
    chart = np.stack([angle * 9.0, down], -1)
    lumps = noise.sample(jnp.asarray(chart) / 34 + person.offset[None])
    top = np.clip(net.out[:, 1], 0, 1)
    thick = person.volume.top_cm * top + person.volume.sides_cm * (1 - top)
    thick = thick + person.volume.lumps_cm * jnp.clip(lumps[:, 0], -1.5, 1.5)
    under = hat.worn * _under(base, hat)
    thick = jnp.maximum(thick * (1 - under), 0.12)
    thick = (
        thick * blend.smoothstep(field / 3.2 + 0.15)
        + 0.06
        + 0.15 * person.cloth
        - 0.5 * blend.smoothstep(-0.6 - field)
    )
    places = base + net.out * thick[:, None]

    ring = slice(RING * columns, (RING + 1) * columns)
    hang, edge, hung = _hang(person, places[ring], float(down[ring].mean()), hat)
    places = jnp.concatenate([places, hang.reshape(-1, 3)])
    field = jnp.concatenate([field, edge.ravel()])
    field = jnp.where(person.cover > 0, field, -9.0)
    chart = jnp.concatenate([chart, hung.reshape(-1, 2)])
    along = jnp.concatenate(
        [_along(places[:cap], CAP_ROWS), _along(places[cap:], CURTAIN_ROWS)]
    )
    keep = net.scalp & (field[net.triangles].max(1) > -0.1)
    return Locks(places, along, field, chart, keep.astype(jnp.float32), net)


def _hang(person, ring, down, hat):
    """Nodes of the curtain: their places, how far inside it, their charts."""
    columns, middle = COLUMNS + 1, COLUMNS // 2
    step = jnp.linspace(0.0, 1.0, CURTAIN_ROWS)[:, None]
    length, opens = person.curtain.length_cm, person.curtain.opens_rad
    fall = -step * (length + DROP_CM)
    # A scarf closes below the chin and goes back to the throat there.
    low = person.cloth * jnp.clip((ring[:, 1].mean() + fall) / CHIN_CM, 0, 1) ** 2
    opens = opens * jnp.sqrt(1 - low)
    # The columns share what is behind the opening: at its edge no triangle is cut.
    share = np.clip((np.abs(np.arange(columns) - middle) - 1) / (middle - 1), 0, 1)
    inside = share[None] * (np.pi - opens)
    turn = np.sign(np.arange(columns) - middle)[None] * (opens + inside)
    start = _between(ring, (turn / np.pi + 1) * middle)

    over_ear = jnp.exp(-(((jnp.abs(turn) - 1.55) / 0.5) ** 2))
    sway = jnp.stack([turn * 0.09, jnp.broadcast_to(-fall / 160, turn.shape)], -1)
    sway = noise.sample(sway + person.offset[None, None])[..., 0]
    full = 1.3 * over_ear + 0.6 * person.volume.sides_cm + 0.5
    reach = 0.15 + full * jnp.minimum(step * 4 * (1 + person.cloth), 1.0)
    reach = reach + person.curtain.flare * step * 4
    reach = reach + person.curtain.waves * sway * jnp.minimum(step * 3, 1.0)
    level = start[..., 1] + fall - hat.edge_cm - hat.rise * start[..., 2]
    reach = reach * (1 - hat.worn * blend.smoothstep(level / 5 + 1))
    snug = 1 - jnp.clip(inside / 0.45 + 0.3, 0.0, 1)
    reach = reach * (1 - person.cloth * snug) - 0.9 * low
    height = start[..., 1] + fall
    throat = person.cloth * blend.smoothstep((CHIN_CM + 1.5 - height) / 4.5)
    throat = 2.6 * throat * jnp.clip(jnp.cos(turn), 0, 1)
    ahead = start[..., 2] + reach * jnp.cos(turn) - throat
    hang = jnp.stack([start[..., 0] + reach * jnp.sin(turn), height, ahead], -1)
    left = jnp.broadcast_to((1 - step) * (length + DROP_CM) - 0.5, turn.shape)
    edge = jnp.minimum(inside * 18.0 + 0.2 + 0.3 * person.cloth, left)
    chart = jnp.stack([turn * 9.0, jnp.broadcast_to(down - fall, turn.shape)], -1)
    return hang, jnp.where(length > 0, edge, -9.0), chart


def _between(ring, place):
    """The ring's nodes at places counted in columns, with what lies between them."""
    low = jnp.clip(jnp.floor(place), 0, COLUMNS - 1).astype(jnp.int32)
    return ring[low] + (ring[low + 1] - ring[low]) * (place - low)[..., None]


def _under(places, hat):
    """How flat a hat presses what is there, 0 to 1."""
    above = places[..., 1] - hat.edge_cm - hat.rise * places[..., 2]
    return blend.smoothstep(above / 1.4 + 1.6)


def _along(places, rows):
    """Unit vectors from each row of a grid to the next."""
    net = places.reshape(rows, COLUMNS + 1, 3)
    step = jnp.concatenate([net[1:] - net[:-1], net[-1:] - net[-2:-1]])
    step = step * jax.lax.rsqrt((step**2).sum(-1, keepdims=True) + 1e-9)
    return step.reshape(-1, 3)
