"""Losses of heatmaps and of points against true landmarks, one value per face.

The four heatmap losses share a signature, so that a term takes any of them:
`loss(logits, target, valid, *, sigma_px)`. `points` and `kl` see the softmax of a
map; for `mse` and `awing` the network draws the heatmap itself.

All of them are without a scale: on maps twice as fine, with a Gaussian of twice as
many cells, a loss pulls as hard (`awing` nearly). Their unit is the nat, as it is of
the losses of `adversarial` and of likelihoods, so the weight of one beside another
means the same at each size of network.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lmkjax.landmarks import points as coordinates
from lmkjax.types import typed

SIDE = 32.0
"""Nats that an error as long as the map's side counts: one a cell of 32 x 32, on which
the balance of distance and cross-entropy was found."""


@typed
def points(
    logits: Float[Array, "b h w k"],
    target: Float[Array, "b k 2"],
    valid: Bool[Array, "b k"],
    *,
    sigma_px: float,
    entropy: float = 0.25,
) -> Float[Array, " b"]:
    """Distance of the soft-argmax point, plus a share of the cross-entropy.

    The distance, a share of the map's side counted `SIDE`-fold, says where the mean
    must lie, the cross-entropy that the map is one narrow bump.

    Args:
        logits: maps before the softmax.
        target: true points, heatmap pixels.
        valid: which landmarks count; the others add nothing.
        sigma_px: of the Gaussian that the cross-entropy wants, heatmap pixels.
        entropy: weight of the cross-entropy.

    Returns:
        The mean over each face's valid landmarks; 0 for a face with none.
    """
    _check(sigma_px)
    pred, cross_entropy = _read(
        logits.astype(jnp.float32), *_bells(logits, target, sigma_px)
    )
    away = _distance((pred - target) * (SIDE / logits.shape[2]))
    return _mean(away + entropy * cross_entropy, valid)


@typed
def kl(
    logits: Float[Array, "b h w k"],
    target: Float[Array, "b k 2"],
    valid: Bool[Array, "b k"],
    *,
    sigma_px: float,
) -> Float[Array, " b"]:
    """Kullback-Leibler divergence from a Gaussian (of sum 1) to each map's softmax.

    Arguments and result as `points`.
    """
    _check(sigma_px)
    across, down = _bells(logits, target, sigma_px)
    _, cross_entropy = _read(logits.astype(jnp.float32), across, down)
    entropy = sum(-(g * jnp.log(jnp.maximum(g, 1e-30))).sum(1) for g in (across, down))
    return _mean(cross_entropy - entropy, valid)


@typed
def mse(
    maps: Float[Array, "b h w k"],
    target: Float[Array, "b k 2"],
    valid: Bool[Array, "b k"],
    *,
    sigma_px: float,
) -> Float[Array, " b"]:
    """Squared difference to a Gaussian of height 1, summed over each map, by sigma^2.

    The sum, not the mean, over the cells: so it is as large as the other losses, pi for
    an empty map. Arguments and result as `points`; `maps` are the heatmaps themselves.

    Source: Newell et al., "Stacked Hourglass Networks for Human Pose Estimation",
        ECCV 2016.
    """
    _check(sigma_px)
    error = maps - _heatmaps(maps, target, sigma_px)
    return _mean(jnp.square(error).sum((1, 2)) / sigma_px**2, valid)


@typed
def awing(
    maps: Float[Array, "b h w k"],
    target: Float[Array, "b k 2"],
    valid: Bool[Array, "b k"],
    *,
    sigma_px: float,
    omega: float = 14.0,
    theta: float = 0.5,
    epsilon: float = 1.0,
    alpha: float = 2.1,
    boost: float = 10.0,
) -> Float[Array, " b"]:
    """Adaptive wing loss: steep where the true heatmap is high, square where it is 0.

    Cells near the bump (height at least 0.2 in any of the eight cells around, or in
    their own) count `boost` + 1 times. The mean over the cells; arguments and result
    else as `points`; `maps` are the heatmaps themselves.

    Args:
        maps: heatmaps.
        target: true points, heatmap pixels.
        valid: which landmarks count.
        sigma_px: of the true Gaussian of height 1, heatmap pixels.
        omega: scale of the curved piece.
        theta: error at which the curve turns linear.
        epsilon: the smaller, the steeper near 0.
        alpha: above 2; the exponent is `alpha` - height.
        boost: additional weight of the cells near the bump.

    Source: Wang et al., "Adaptive Wing Loss for Robust Face Alignment via Heatmap
        Regression", ICCV 2019.
    """
    _check(sigma_px)
    truth = _heatmaps(maps, target, sigma_px)
    error = jnp.abs(maps - truth)
    power = alpha - truth
    turn = (theta / epsilon) ** power
    slope = omega * power * turn / (theta * (1 + turn))
    # An error of 0 has no slope; a power below 2 would give its gradient as NaN.
    small = jnp.clip(error, 1e-12, theta) / epsilon
    curve = omega * jnp.log1p(small**power)
    line = slope * (error - theta) + omega * jnp.log1p(turn)
    window = (1, 3, 3, 1)
    near = jax.lax.reduce_window(truth, 0.0, jax.lax.max, window, (1,) * 4, "SAME")
    weight = 1 + boost * (near >= 0.2)
    return _mean((weight * jnp.where(error < theta, curve, line)).mean((1, 2)), valid)


def _check(sigma_px):
    """Refuses a Gaussian without width."""
    if sigma_px <= 0:
        raise ValueError(f"Need sigma_px > 0; got {sigma_px}.")


def _mean(value, valid):
    """The mean over each face's valid landmarks."""
    return jnp.where(valid, value, 0.0).sum(-1) / jnp.maximum(valid.sum(-1), 1)


def _distance(offset):
    """Length of an offset, with a gradient of 0, not NaN, at no offset."""
    return jnp.sqrt(jnp.square(offset).sum(-1) + 1e-6)


def _log_bells(maps, target, sigma_px):
    """The exponents of a Gaussian along x and along y: [b w k] and [b h k]."""
    return tuple(
        -jnp.square(coordinates.centres(1, cells)[..., :1] - target[:, None, :, axis])
        / (2 * sigma_px**2)
        for axis, cells in ((0, maps.shape[2]), (1, maps.shape[1]))
    )


def _bells(maps, target, sigma_px):
    """A Gaussian of sum 1 as its two factors, along x and along y."""
    return tuple(jax.nn.softmax(e, 1) for e in _log_bells(maps, target, sigma_px))


def _heatmaps(maps, target, sigma_px):
    """A Gaussian of height 1, as `maps`."""
    across, down = _log_bells(maps, target, sigma_px)
    return jnp.exp(down[:, :, None] + across[:, None])


@jax.custom_vjp
def _read(logits, across, down):
    """Soft-argmax points and cross-entropies against a Gaussian given as two factors.

    The cross-entropy is the map's logsumexp less the mean of its logits under the
    Gaussian, so neither the softmax nor the Gaussian is ever written to memory; the
    gradient is one pass over the map. (The Gaussian itself has no gradient.)
    """
    return _read_forward(logits, across, down)[0]


def _read_forward(logits, across, down):
    x, y = (
        coordinates.centres(1, n)[..., :1] for n in (logits.shape[2], logits.shape[1])
    )
    high = logits.max((1, 2))
    weight = jnp.exp(logits - high[:, None, None])
    columns, rows = weight.sum(1), weight.sum(2)
    total = columns.sum(1)
    pred = jnp.stack([(columns * x).sum(1) / total, (rows * y).sum(1) / total], axis=-1)
    level = jnp.log(total) + high
    wanted = ((logits * across[:, None]).sum(2) * down).sum(1)
    return (pred, level - wanted), (logits, across, down, pred, level)


def _read_backward(saved, cotangent):
    logits, across, down, pred, level = saved
    to_pred, to_entropy = cotangent
    x, y = (
        coordinates.centres(1, n)[..., :1] for n in (logits.shape[2], logits.shape[1])
    )
    to_x, to_y = to_pred[:, None, :, 0], to_pred[:, None, :, 1]
    along_x = to_x * (x - pred[:, None, :, 0])
    along_y = to_y * (y - pred[:, None, :, 1]) + to_entropy[:, None]
    share = jnp.exp(logits - level[:, None, None])
    back = share * (along_x[:, None] + along_y[:, :, None])
    back -= (to_entropy[:, None] * down)[:, :, None] * across[:, None]
    return back, jnp.zeros_like(across), jnp.zeros_like(down)


_read.defvjp(_read_forward, _read_backward)
