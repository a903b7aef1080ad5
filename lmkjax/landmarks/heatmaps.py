"""Heatmaps to points: spatial softmax, decoders, spread.

Coordinates are heatmap pixels in the convention of `points`: cell (row i, column j)
has its centre at (j + 0.5, i + 0.5). A landmark is read from a map in three ways.
What each gets wrong on a perfect map (the softmax is a Gaussian of sigma 1 cut off at
the map's border), by the landmark's distance from the border; measured at 99 places in
each range, mean / largest error in heatmap pixels:

    distance     0 to 0.5     0.5 to 1     1 to 2       2 to 3       the middle
    soft_argmax  0.67 / 0.83  0.40 / 0.52  0.14 / 0.28  0.02 / 0.05  0.00 / 0.00
    argmax       0.25 / 0.50  0.25 / 0.50  0.12 / 0.24  0.12 / 0.24  0.12 / 0.24
    dark         0.00 / 0.00  0.00 / 0.00  0.00 / 0.00  0.00 / 0.00  0.00 / 0.00

The soft-argmax is pulled inwards where the border cuts the Gaussian; a network that is
trained through it (`losses.landmark.points`) learns maps that make up for that.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lmkjax.landmarks import points as coordinates
from lmkjax.types import typed

DECODERS = ("soft_argmax", "argmax", "dark")
HEIGHTS = {"argmax": "argmax_of_heights", "dark": "dark_of_heights"}
"""What reads maps that are heatmaps themselves as these read maps before a softmax."""
WINDOW = 3
"""Cells along a side that "argmax" and both kinds of "dark" look at."""


@typed
def softmax(logits: Float[Array, "b h w k"]) -> Float[Array, "b h w k"]:
    """Each landmark's probability over the cells of its map."""
    return jax.nn.softmax(logits, axis=(1, 2))


@typed
def soft_argmax(logits: Float[Array, "b h w k"]) -> Float[Array, "b k 2"]:
    """The mean place under the softmax of each map, heatmap pixels.

    Source: Nibali et al., "Numerical Coordinate Regression with Convolutional
        Neural Networks", 2018 (DSNT).
    """
    return jnp.stack([_mean(m, _cells(m)) for m in _margins(logits)], -1)


@typed
def spread(
    logits: Float[Array, "b h w k"], *, decoder: str = "soft_argmax"
) -> Float[Array, "b k"]:
    """How unsure each landmark is: standard deviation per axis, heatmap pixels.

    The root of the mean of the variances in x and in y under the softmax, or under the
    heatmap: about 0.3 of the map's side where the map says nothing, 0 where it is one
    cell.

    Args:
        logits: maps before any softmax, or heatmaps; see `decode`.
        decoder: what reads them. With one of `HEIGHTS`, cells count that are at least a
            tenth as high as the highest: a network draws many low ones about its bump.
    """
    margins = _heights(logits) if decoder in HEIGHTS.values() else _margins(logits)
    means = [_mean(m, _cells(m)) for m in margins]
    # About the mean: of two large squares, the difference would keep no digits.
    variances = [
        _mean(m, jnp.square(_cells(m) - mean[:, None]))
        for m, mean in zip(margins, means, strict=True)
    ]
    return jnp.sqrt(sum(variances) / 2)


@typed
def means(
    logits: Float[Array, "b h w k"],
    cells: Float[Array, "b h w c"],
    *,
    exact: bool = False,
) -> tuple[Float[Array, "b k c"], Float[Array, "b k"]]:
    """The mean of what cells hold under the softmax of each map, and the softmax's top.

    Of the cells' centres it is the `soft_argmax`. The softmax is gone through once:
    beside a network's other work on a CPU, of a thousand maps a pass counts.

    Args:
        logits: of maps.
        cells: numbers of each.
        exact: lose no digit where products else round their factors, see
            `points.product`; coordinates want it.
    """
    high = jax.lax.stop_gradient(logits.max((1, 2), keepdims=True))
    weight = jax.lax.collapse(jnp.exp(logits - high), 1, 3)
    ones = jnp.ones((*cells.shape[:3], 1), cells.dtype)
    values = jax.lax.collapse(jnp.concatenate([cells, ones], -1), 1, 3)
    product = coordinates.einsum if exact else jnp.einsum
    sums = product("bnk,bnc->bkc", weight, values)
    return sums[..., :-1] / sums[..., -1:], 1 / sums[..., -1]


@typed
def argmax(maps: Float[Array, "b h w k"]) -> Float[Array, "b k 2"]:
    """The highest cell, moved by a quarter towards its higher neighbour.

    Works on logits, probabilities and heatmaps alike. A cell at the border, which
    lacks a neighbour, is not moved along that axis; of equal cells the first wins.

    Source: Newell et al., "Stacked Hourglass Networks for Human Pose Estimation",
        ECCV 2016.
    """
    row, column = _peak(maps)
    b, h, w, k = maps.shape
    here = row * w + column
    # Beyond the border it is any cell, and the step is not taken.
    index = jnp.clip(
        jnp.stack([here + 1, here - 1, here + w, here - w], 1), 0, h * w - 1
    )
    cells = jnp.take_along_axis(maps.reshape(b, h * w, k), index, axis=1)
    step = 0.25 * jnp.stack(
        [jnp.sign(cells[:, 0] - cells[:, 1]), jnp.sign(cells[:, 2] - cells[:, 3])], -1
    )
    inner = jnp.stack(
        [(column > 0) & (column < w - 1), (row > 0) & (row < h - 1)], axis=-1
    )
    return _centre(maps, row, column) + jnp.where(inner, step, 0.0)


@typed
def dark(maps: Float[Array, "b h w k"]) -> Float[Array, "b k 2"]:
    """The top of the Gaussian through the nine cells around the highest one.

    One Newton step on the logarithm of the map. At the border the nine cells are
    the nearest nine inside it, which is exact for a Gaussian. Where those cells
    have no top, the answer is the highest cell's centre. A map whose peak lies
    further than a cell and a half from it keeps to that distance.

    Args:
        maps: above or equal to 0, as probabilities are; each has 3 x 3 cells at
            least.

    Source: Zhang et al., "Distribution-Aware Coordinate Representation for Human
        Pose Estimation", CVPR 2020. We leave out their blur of the map, which a
        network trained through a softmax does not need.
    """
    row, column = _peak(maps)
    h, w = maps.shape[1:3]
    near_row, near_column = jnp.clip(row, 1, h - 2), jnp.clip(column, 1, w - 2)
    log = jnp.log(jnp.maximum(_patch(maps, near_row, near_column), 1e-20))
    slope_x = (log[:, 1, 2] - log[:, 1, 0]) / 2
    slope_y = (log[:, 2, 1] - log[:, 0, 1]) / 2
    bend_x = log[:, 1, 2] - 2 * log[:, 1, 1] + log[:, 1, 0]
    bend_y = log[:, 2, 1] - 2 * log[:, 1, 1] + log[:, 0, 1]
    twist = (log[:, 2, 2] - log[:, 2, 0] - log[:, 0, 2] + log[:, 0, 0]) / 4
    area = bend_x * bend_y - jnp.square(twist)
    has_top = (bend_x < 0) & (area > 1e-12)
    area = jnp.where(has_top, area, 1.0)
    step = jnp.stack(
        [
            (twist * slope_y - bend_y * slope_x) / area,
            (twist * slope_x - bend_x * slope_y) / area,
        ],
        -1,
    )
    top = _centre(maps, near_row, near_column) + jnp.clip(step, -1.5, 1.5)
    top = jnp.clip(top, 0.0, jnp.full_like(top, w).at[..., 1].set(h))
    return jnp.where(has_top[..., None], top, _centre(maps, row, column))


@typed
def decode(logits: Float[Array, "b h w k"], *, decoder: str) -> Float[Array, "b k 2"]:
    """The landmarks that a network's maps tell, heatmap pixels.

    Args:
        logits: maps before any softmax; or, of a network that was trained to draw the
            heatmap itself (losses `mse` and `awing`), its heatmaps: use one of
            `HEIGHTS`, as a softmax of them bends the bump (by up to 0.05 cells).
        decoder: one of `DECODERS`, "argmax" with the quarter offset, or of `HEIGHTS`.

    Raises:
        ValueError: another decoder.
    """
    if decoder == "soft_argmax":
        return soft_argmax(logits)
    if decoder in ("argmax", HEIGHTS["argmax"]):
        return argmax(logits)
    if decoder == "dark":
        return dark(softmax(logits))
    if decoder == HEIGHTS["dark"]:
        return dark(jnp.maximum(logits, 0.0))
    known = [*DECODERS, *HEIGHTS.values()]
    raise ValueError(f"Unknown decoder '{decoder}'; known: {known}.")


def _margins(logits):
    """The weights of each map's softmax by column and by row [b n k]."""
    high = logits.max((1, 2), keepdims=True)
    weight = jnp.exp(logits.astype(jnp.float32) - high)
    # One sum per axis first: a fraction of the work of a product with both.
    return weight.sum(1), weight.sum(2)


def _heights(maps):
    """As `_margins`, of heatmaps; one that is nowhere above 0 says nothing."""
    maps = maps.astype(jnp.float32)
    high = maps.max((1, 2), keepdims=True)
    weight = jnp.where(maps >= 0.1 * high, maps, 0.0)
    weight = jnp.where(high > 0, weight, 1.0)
    return weight.sum(1), weight.sum(2)


def _cells(margin):
    """Where the cells along an axis have their centres [1 n 1]."""
    return coordinates.centres(1, margin.shape[1])[:, :, :1]


def _mean(margin, values):
    """The mean of values [b n k] under the weights of an axis [b k]."""
    return (margin * values).sum(1) / margin.sum(1)


def _peak(maps):
    """Row and column of each map's highest cell."""
    b, h, w, k = maps.shape
    index = maps.reshape(b, h * w, k).argmax(1)
    return index // w, index % w


def _centre(maps, row, column):
    """Where the cell (row, column) of a map has its centre."""
    return coordinates.centres(*maps.shape[1:3])[row, column]


def _patch(maps, row, column):
    """The nine cells around (row, column), which must not lie at the border."""
    b, h, w, k = maps.shape
    flat = maps.reshape(b, h * w, k)
    rows = []
    for down in (-1, 0, 1):
        index = [(row + down) * w + column + right for right in (-1, 0, 1)]
        rows.append(jnp.take_along_axis(flat, jnp.stack(index, 1), axis=1))
    return jnp.stack(rows, 1)
