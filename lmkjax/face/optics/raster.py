"""Triangles to pixels: which triangle is nearest in each pixel, and where in it.

A triangle's box is covered with small tiles of pixels; the tiles of all triangles
form one list of fixed length, each is held against its triangle, depth and number are
packed into one integer, and the largest wins. No sorting, no shapes that depend on
data; the same on every kind of device.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from lmkjax.face.optics import barrier
from lmkjax.types import typed

TILE = 4
"""Side of a tile, pixels."""

Places = Float[Array | np.ndarray, "v 3"]


@struct.dataclass
class Fragments:
    """What the camera sees in each pixel.

    Attributes:
        triangle: number of the nearest triangle, 0 where there is none.
        covered: whether there is one.
        weights: of the triangle's three corners, perspective undone.
        depth: cm from the camera's plane; inf where there is nothing.
    """

    triangle: Int[Array, "h w"]
    covered: Bool[Array, "h w"]
    weights: Float[Array, "h w 3"]
    depth: Float[Array, "h w"]


@typed
def rasterise(
    points: Float[Array, "v 3"],
    triangles: np.ndarray,
    *,
    size: int,
    tiles: int,
    cull: bool = True,
    keep: Bool[Array, " t"] | None = None,
) -> Fragments:
    """The nearest triangle in each pixel of a square picture.

    Args:
        points: x, y in pixels (y down), depth in cm, above 0.
        triangles: vertex numbers, t x 3; the front is where they run anticlockwise.
        size: the picture's side, pixels.
        tiles: how many tiles there is room for; the last triangles go without, if
            that is too few (`tiles_needed` tells).
        cull: leave out triangles seen from behind.
        keep: which triangles to draw; all, if None.

    Returns:
        One winner per pixel.
    """
    bits = max(len(triangles) - 1, 1).bit_length()
    far = jnp.maximum(points[:, 2].max(), 2e-3)
    near = jnp.clip(points[:, 2].min(), 1e-3, far - 1e-3)
    # Inverse depth is linear in the picture.
    inverse = (1 / points[:, 2] - 1 / far) / (1 / near - 1 / far)
    known = jnp.concatenate([points[:, :2], inverse[:, None], points[:, 2:]], -1)
    known = known[triangles]  # of each corner
    corners = known[..., :3]
    origin, columns, count = _tiles(corners, size, cull, keep)

    ends = jnp.cumsum(count)
    first = jnp.where(count > 0, ends - count, tiles)
    owner = jnp.zeros(tiles, jnp.int32)
    numbers = jnp.arange(len(triangles), dtype=jnp.int32)
    owner = jax.lax.cummax(owner.at[first].max(numbers, mode="drop"))
    number = jnp.arange(tiles, dtype=jnp.int32)
    step = number - (ends - count)[owner]
    width = jnp.maximum(columns[owner], 1)
    shift = TILE * jnp.stack([step % width, step // width])
    place = origin.T[:, owner] + shift
    slopes = _slopes(corners, origin)[:, owner]
    slot, inside, height = _hits(slopes, shift, place, size)

    inside &= (number < ends[-1])[None]
    # More levels than a float32 tells apart would round up, past the last bit.
    levels = 2 ** min(32 - bits, 24)
    level = (height * (levels - 2)).astype(jnp.uint32) + 1
    key = (level << bits) | owner.astype(jnp.uint32)[None]
    slot = jnp.where(inside, slot, size * size)
    board = jnp.zeros(size * size + 1, jnp.uint32)
    board = board.at[slot.ravel()].max(key.ravel(), mode="promise_in_bounds")
    board = board[:-1].reshape(size, size)
    winner = (board & jnp.uint32(2**bits - 1)).astype(jnp.int32)
    return _locate(known, winner, board > 0)


@typed
def tiles_needed(
    points: Float[Array, "v 3"],
    triangles: np.ndarray,
    *,
    size: int,
    cull: bool = True,
    keep: Bool[Array, " t"] | None = None,
) -> Int[Array, ""]:
    """How many tiles `rasterise` would fill, given room without end."""
    return _tiles(points[triangles], size, cull, keep)[2].sum()


def _tiles(corners, size, cull, keep):
    """First pixel, tiles per row and tiles of each triangle's box."""
    (x0, x1, x2), (y0, y1, y2) = corners[..., 0].T, corners[..., 1].T
    flat = corners[..., :2]
    low = jnp.clip(jnp.ceil(flat.min(1) - 0.5), 0, size).astype(jnp.int32)
    high = jnp.clip(jnp.floor(flat.max(1) - 0.5), -1, size - 1).astype(jnp.int32)
    extent = jnp.maximum(high - low + 1, 0)
    across = (extent + TILE - 1) // TILE
    area = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0)
    drawn = area > 1e-9 if cull else jnp.abs(area) > 1e-9
    drawn = drawn if keep is None else drawn & keep
    return low, across[:, 0], across[:, 0] * across[:, 1] * drawn


def _slopes(corners, origin):
    """Two weights and the inverse depth of each triangle as planes, (9, t).

    Each is three rows: at the corner of the triangle's first pixel, and what it gains
    per pixel across and down.
    """
    flat = corners[..., :2] - origin[:, None]
    (x0, x1, x2), (y0, y1, y2) = flat[..., 0].T, flat[..., 1].T
    area = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0)
    share = 1 / jnp.where(jnp.abs(area) > 1e-9, area, 1.0)
    first = jnp.stack([(y0 - y2) * share, (x2 - x0) * share])
    second = jnp.stack([(y1 - y0) * share, (x0 - x1) * share])
    q0, q1, q2 = corners[..., 2].T
    third = first * (q1 - q0)[None] + second * (q2 - q0)[None]
    rows = []
    for slope, start in ((first, 0.0), (second, 0.0), (third, q0)):
        rows += [start - slope[0] * x0 - slope[1] * y0, slope[0], slope[1]]
    return jnp.stack(rows)


def _hits(slopes, shift, place, size):
    """Slot, hit and inverse depth of each pixel of each tile, (TILE^2, tiles)."""
    # NumPy's, so that they are constants: a remainder per pixel would be slow.
    right = np.tile(np.arange(TILE, dtype=np.int32), TILE)[:, None]
    down = np.repeat(np.arange(TILE, dtype=np.int32), TILE)[:, None]
    start = slopes[0::3] + slopes[1::3] * (shift[0] + 0.5)[None]
    start += slopes[2::3] * (shift[1] + 0.5)[None]
    # Else every pixel of a tile would work this out anew.
    start, across, along, row, column = barrier.barrier(
        (start, slopes[1::3], slopes[2::3], place[1], place[0])
    )
    b1, b2, height = (
        start[i][None] + across[i][None] * right + along[i][None] * down
        for i in range(3)
    )
    # A hair's breadth more, so that no pixel falls between two triangles.
    inside = (b1 >= -1e-5) & (b2 >= -1e-5) & (b1 + b2 <= 1 + 1e-5)
    column, row = column[None] + right, row[None] + down
    inside &= (column < size) & (row < size)
    return row * size + column, inside, jnp.clip(height, 0, 1)


def _locate(known, winner, covered):
    """The fragments of the winners: weights of the corners, and depth."""
    size = winner.shape[0]
    # What is known of a triangle lies together: a pixel looks up once, and not its
    # corners' numbers and then each corner.
    table = known.reshape(len(known), -1)
    corner = table.at[winner].get(mode="promise_in_bounds")
    corner = corner.reshape(size, size, 3, -1)
    centre = jnp.arange(size) + 0.5
    dx = centre[None, :] - corner[..., 0, 0]
    dy = centre[:, None] - corner[..., 0, 1]
    x1, y1 = (corner[..., 1, i] - corner[..., 0, i] for i in (0, 1))
    x2, y2 = (corner[..., 2, i] - corner[..., 0, i] for i in (0, 1))
    area = x2 * y1 - x1 * y2
    area = jnp.where(jnp.abs(area) > 1e-9, area, 1.0)
    b1 = (dy * x2 - dx * y2) / area
    b2 = (dx * y1 - dy * x1) / area
    flat = jnp.stack([1 - b1 - b2, b1, b2], -1) / corner[..., 3]
    total = flat.sum(-1)
    depth = jnp.where(covered, 1 / jnp.where(covered, total, 1.0), jnp.inf)
    weights = flat / jnp.where(covered, total, 1.0)[..., None]
    weights = jnp.where(covered[..., None], weights, jnp.full(3, 1 / 3)[None, None])
    return Fragments(winner * covered, covered, weights, depth)


@typed
def interpolate(
    values: Float[Array, "v c"], triangles: np.ndarray, fragments: Fragments
) -> Float[Array, "h w c"]:
    """What the vertices carry, at each pixel; the first triangle's where empty."""
    corners = jnp.asarray(triangles)[fragments.triangle]
    weights = fragments.weights
    total = values[corners[..., 0]] * weights[..., 0:1]
    total += values[corners[..., 1]] * weights[..., 1:2]
    return total + values[corners[..., 2]] * weights[..., 2:3]


@typed
def look_up(
    image: Float[Array, "h w"], points: Float[Array, "n 2"]
) -> Float[Array, " n"]:
    """The picture's value in the pixel that each point lies in, or the nearest."""
    h, w = image.shape
    column = jnp.clip(jnp.floor(points[:, 0]).astype(jnp.int32), 0, w - 1)
    row = jnp.clip(jnp.floor(points[:, 1]).astype(jnp.int32), 0, h - 1)
    return image[row, column]


@typed
def normals(points: Places, triangles: np.ndarray) -> Places:
    """The unit normal of each vertex: its triangles', weighted by their area.

    Args:
        points: the vertices; of NumPy, all is worked out by NumPy, as exactly as they
            are.
        triangles: vertex numbers, t x 3; the front is where they run anticlockwise.

    Returns:
        As `points`; a vertex in no triangle has the normal 0.
    """
    if triangles.shape[1:] != (3,):
        raise ValueError(f"Need triangles, t x 3; got {list(triangles.shape)}.")
    host = isinstance(points, np.ndarray)
    a, b, c = (points[triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a) if host else jnp.cross(b - a, c - a)
    total = np.zeros_like(points) if host else jnp.zeros_like(points)
    for i in range(3):
        if host:
            np.add.at(total, triangles[:, i], face)
        else:
            total = total.at[triangles[:, i]].add(face)
    size = (total**2).sum(-1, keepdims=True) + 1e-12
    return total / np.sqrt(size) if host else total * jax.lax.rsqrt(size)
