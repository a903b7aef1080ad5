"""Maps of the face for painting: how far is the lip's edge, where is the brow, ...

They lie over the mean head's right half, seen from the front; the left half mirrors it.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.face.optics import blend
from lmkjax.face.shape import curves
from lmkjax.face.shape import head as heads
from lmkjax.images import lookup
from lmkjax.types import typed

TEXEL_CM = 0.06
LEFT_CM, TOP_CM = 0.0, 13.0
COLUMNS, ROWS = 160, 440
BROW_DROP_CM = 0.55
"""How far below the makers' 68 points brows grow."""


@functools.cache
def maps() -> np.ndarray:
    """Lips, along, across, lid, crow, fold, beard and moustache over the right half.

    Returns:
        float [rows, columns, 8].
    """
    head = heads.load()
    ibug = head.neutral[head.ibug68][:, :2].astype(np.float64)
    x = (np.arange(COLUMNS) + 0.5) * TEXEL_CM + LEFT_CM
    y = TOP_CM - (np.arange(ROWS) + 0.5) * TEXEL_CM
    grid = np.stack(np.meshgrid(x, y), -1)

    lips = _smooth(np.concatenate([ibug[48:60], ibug[48:49]]))
    inside = curves.within(grid, lips)
    lip = np.where(inside, 1, -1) * _distance(grid, lips)[0]
    brow = _smooth(ibug[22:27] - [0, BROW_DROP_CM])
    gap, along, across = _distance(grid, brow)
    eye = _smooth(np.concatenate([ibug[42:48], ibug[42:43]]))
    lid = np.where(curves.within(grid, eye), -1, 1) * _distance(grid, eye)[0]
    lid = np.where(grid[..., 1] > ibug[[42, 45], 1].mean() - 0.1, lid, lid + 10)
    folds = [
        _smooth(np.array([[1.7, -0.4], [2.6, -1.6], [3.4, -3.2], [3.6, -4.4]])),
        _smooth(np.array([[1.7, 2.7], [2.4, 2.2], [3.5, 2.0], [4.3, 2.3]])),
    ]
    fold = sum(
        d * np.exp(-((_distance(grid, f)[0] / w) ** 2))
        for f, d, w in zip(folds, (1.0, 0.5), (0.22, 0.3), strict=True)
    )
    px, py = grid[..., 0], grid[..., 1]
    forehead = np.exp(-(((py - 8.0) / 1.3) ** 2) - (px / 4.2) ** 4)
    fold += 0.5 * forehead * np.clip(np.sin((py + 0.05 * px**2) * 5.2) - 0.3, 0, 1)
    crow = np.exp(-(((px - 5.6) / 0.8) ** 2) - ((py - 3.2) / 1.2) ** 2)
    crow *= np.clip(np.sin(np.arctan2(py - 3.2, px - 4.3) * 14), 0, 1)
    beard, moustache = _beard(px, py, lip)
    channels = [lip, along, across, lid, crow, fold, beard, moustache]
    return np.stack(channels, -1).astype(np.float32)


def _beard(x, y, lip):
    """Where a beard and a moustache grow, 0 to 1."""
    cheek = np.interp(
        x, [0, 2.6, 4.2, 6.0, 7.0, 9.6], [-4.6, -3.4, -2.8, -0.6, 2.6, 3.4]
    )
    beard = _step((cheek - y) / 0.7)
    beard *= _step((y + 10.5) / 1.5)
    beard *= np.where(np.abs(x) < 2.0, _step((-y - 4.9) / 0.5 + 0.4 * x), 1.0)
    line = np.interp(x, [0, 0.4, 2.6, 3.4], [-1.95, -1.75, -2.6, -3.6])
    moustache = (
        _step((line - y) / 0.35) * _step((3.3 - x) / 0.5) * _step((y + 4.2) / 0.5)
    )
    off = _step(-lip / 0.12)
    return beard * off, moustache * off


def _step(x):
    """0 to 1 across 0, one unit wide."""
    return blend.smoothstep(x + 0.5)


def _smooth(line):
    """A polyline through the same points, rounded (Catmull-Rom)."""
    padded = np.concatenate(
        [2 * line[:1] - line[1:2], line, 2 * line[-1:] - line[-2:-1]]
    )
    if np.allclose(line[0], line[-1]):
        padded = np.concatenate([line[-2:-1], line, line[1:2]])
    a, b, c, d = (padded[i : len(line) - 1 + i, None] for i in range(4))
    t = (np.arange(8) / 8)[None, :, None]
    curve = b + t * (c - a) / 2 + t**2 * (a - 2.5 * b + 2 * c - d / 2)
    curve = curve + t**3 * (1.5 * (b - c) + (d - a) / 2)
    return np.concatenate([curve.reshape(-1, 2), line[-1:]])


def _distance(grid, line):
    """To a polyline: distance, share of the way along it, signed offset across."""
    a, b = line[:-1], line[1:]
    way = b - a
    length = np.linalg.norm(way, axis=1)
    begin = np.concatenate([[0], np.cumsum(length)])
    best = np.full(grid.shape[:-1], np.inf)
    along, across = np.zeros_like(best), np.zeros_like(best)
    for i in range(len(a)):
        x, y = grid[..., 0] - a[i, 0], grid[..., 1] - a[i, 1]
        t = (x * way[i, 0] + y * way[i, 1]) / length[i] ** 2
        low, high = (-99 if i == 0 else 0), (99 if i == len(a) - 1 else 1)
        foot = np.clip(t, 0, 1)
        gap = np.hypot(x - foot * way[i, 0], y - foot * way[i, 1])
        side = (way[i, 0] * y - way[i, 1] * x) / length[i]
        near = gap < best
        best = np.where(near, gap, best)
        along = np.where(
            near, (begin[i] + np.clip(t, low, high) * length[i]) / begin[-1], along
        )
        across = np.where(near, side, across)
    return best, along, across


@typed
def look_up(place: Float[Array, "*n 3"]) -> Float[Array, "*n m"]:
    """What the maps say of a place on the mean head."""
    column = jnp.clip(jnp.abs(place[..., 0]) / TEXEL_CM - 0.5, 0, COLUMNS - 1.001)
    row = jnp.clip((TOP_CM - place[..., 1]) / TEXEL_CM - 0.5, 0, ROWS - 1.001)
    return lookup.between(jnp.asarray(maps()), column, row)
