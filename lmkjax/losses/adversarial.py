"""Losses between two domains: gradient reversal, nuclear norms, cross-entropy."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lmkjax.landmarks import heatmaps
from lmkjax.landmarks import points as coordinates
from lmkjax.types import Scalar, typed

# Of the Newton-Schulz iteration: a singular value of 1e-5 of the largest, which
# grows 15/8-fold in each, arrives at 1 within these.
ITERATIONS = 24


@typed
def reversal_strength(progress: Scalar, *, ramp: float) -> Scalar:
    """How much of the gradient is reversed: from 0 at the first step towards 1.

    Args:
        progress: the share of the training that is over.
        ramp: the larger, the slower; 0.4621 is reached at this share. 0 = the whole
            gradient from the first step on.

    Raises:
        ValueError: `ramp` is below 0.

    Source: Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation",
        ICML 2015: 2 / (1 + exp(-progress / ramp)) - 1, with ramp 0.1.
    """
    if ramp < 0:
        raise ValueError(f"Need ramp >= 0; got {ramp}.")
    return jnp.tanh(progress / (2 * ramp)) if ramp else jnp.ones(())


@jax.custom_vjp
def reverse(x: Float[Array, "*any"], strength: Scalar) -> Float[Array, "*any"]:
    """`x` itself; its gradient comes back times minus `strength`."""
    return x


def _reverse_forward(x, strength):
    return x, strength


def _reverse_backward(strength, cotangent):
    back = (-strength * cotangent).astype(cotangent.dtype)
    return back, jnp.zeros_like(strength)


reverse.defvjp(_reverse_forward, _reverse_backward)


@typed
def nuclear_norm(matrix: Float[Array, "*b r n"]) -> Float[Array, "*b"]:
    """The sum of the singular values of each matrix.

    Without a singular value decomposition: matrix products alone find the polar
    factor U V', whose inner product with the matrix is the norm and which is the
    norm's gradient. Directions of singular value 0 add nothing to either; repeated
    singular values are nothing special.

    Source: Higham, "Functions of Matrices", 2008, chapter 8 (Newton-Schulz, here of
        fifth order).
    """
    return _nuclear_norm(matrix.astype(jnp.float32))


@typed
def frobenius_norm(matrix: Float[Array, "*b r n"]) -> Float[Array, "*b"]:
    """The root of the sum of the squares of each matrix: blind to how rows differ."""
    return jnp.sqrt(jnp.square(matrix.astype(jnp.float32)).sum((-2, -1)) + 1e-12)


NORMS = {"nuclear": nuclear_norm, "frobenius": frobenius_norm}
"""What a discrepancy is made with: the paper's, and its ablation."""


@typed
def discrepancy(
    source: Float[Array, "*b r n"],
    target: Float[Array, "*b r n"],
    *,
    norm: str = "nuclear",
) -> Float[Array, "*b"]:
    """Nuclear-norm Wasserstein discrepancy (NWD) of two sets of predictions.

    Args:
        source: one prediction per row, a softmax over the columns.
        target: as many, of the other domain.
        norm: one of `NORMS`.

    Returns:
        (|source| - |target|) / rows: above 0 where the source's rows are surer of
        themselves and, in the nuclear norm, more various. Rows of zeros add nothing
        but to the number of rows.

    Source: Chen et al., "Reusing the Task-specific Classifier as a Discriminator",
        CVPR 2022.
    """
    return (NORMS[norm](source) - NORMS[norm](target)) / source.shape[-2]


@typed
def places(logits: Float[Array, "b h w k"], *, grid: int) -> Float[Array, "b cells k"]:
    """Each landmark's probability over a coarse grid.

    Rows of faces reward spread of place as well as certainty, so the crops of both
    domains must be drawn alike.

    Args:
        logits: of maps.
        grid: cells along each side; the sides of the maps must be multiples.

    Raises:
        ValueError: the maps do not fall into such a grid.
    """
    b, h, w, k = logits.shape
    if h % grid or w % grid:
        raise ValueError(f"Maps of {h} x {w} cells do not fall into {grid} x {grid}.")
    weight = _weights(logits)
    coarse = weight.reshape(b, grid, h // grid, grid, w // grid, k).sum((2, 4))
    coarse = coarse.reshape(b, grid * grid, k)
    return coarse / coarse.sum(1, keepdims=True)


REACH = 4
"""Cells of a window to each side of its middle."""


@typed
def around(logits: Float[Array, "b h w k"]) -> Float[Array, "b cells k"]:
    """Each landmark's probability around its own point: how sure it is, not where.

    A window of 9 x 9 cells about the soft-argmax point, a cell being 1/32 of the map's
    side or one of the map's own, whichever is larger. A map's cells are shared out
    among the nearest of the window by a quadratic B-spline, which widens all maps
    alike, wherever the point lies between cells. Rows are made to sum to 1, but where
    less than a hundredth of the map lies in the window: such a map is sure of nothing.

    Args:
        logits: of maps.
    """
    _, h, w, k = logits.shape
    weight = _weights(logits)
    weight = weight / weight.sum((1, 2), keepdims=True)
    middle = jax.lax.stop_gradient(heatmaps.soft_argmax(logits))
    steps = jnp.arange(-REACH, REACH + 1.0)[None, None, None]

    def shares(cells, at):  # of each cell along an axis, for those of the window
        off = coordinates.centres(1, cells)[..., :1] - at[:, None]
        off = jnp.abs(off[..., None] / max(cells / 32, 1.0) - steps)
        outer = jnp.square(jnp.maximum(1.5 - off, 0.0)) / 2
        return jnp.where(off < 0.5, 0.75 - jnp.square(off), outer)

    across, down = shares(w, middle[..., 0]), shares(h, middle[..., 1])
    found = coordinates.einsum("bhwk,bwkx->bhkx", weight, across)
    found = coordinates.einsum("bhkx,bhky->byxk", found, down).reshape(
        len(logits), -1, k
    )
    return found / jnp.maximum(found.sum(1, keepdims=True), 0.01)


@typed
def classes(
    logits: Float[Array, "b h w k"], chosen: Int[Array, " n"]
) -> Float[Array, "n classes"]:
    """At each chosen pixel, the probability of every landmark and of none.

    A pixel belongs to landmark k in proportion to that map's softmax there, and to
    the background as to a landmark that may lie anywhere. Closest to the original,
    where a row is a classification.

    Args:
        logits: of maps.
        chosen: pixels, counted over faces and places alike.
    """
    b, h, w, k = logits.shape
    level = jax.nn.logsumexp(logits, axis=(1, 2))
    log = logits.reshape(b * h * w, k)[chosen] - level[chosen // (h * w)]
    background = jnp.full((chosen.shape[0], 1), -jnp.log(float(h * w)))
    return jax.nn.softmax(jnp.concatenate([log, background], -1), axis=-1)


@typed
def cross_entropy(
    logits: Float[Array, " b"], is_source: Bool[Array, " b"]
) -> Float[Array, " b"]:
    """What a critic pays for each face.

    Args:
        logits: of "this face comes from the source".
        is_source: whether it does.
    """
    return jax.nn.softplus(jnp.where(is_source, -logits, logits))


@jax.custom_vjp
def _nuclear_norm(matrix):
    return _nuclear_norm_forward(matrix)[0]


def _nuclear_norm_forward(matrix):
    polar = _polar(matrix)
    return (polar * matrix).sum((-2, -1)), polar


def _nuclear_norm_backward(polar, cotangent):
    return (cotangent[..., None, None] * polar,)


_nuclear_norm.defvjp(_nuclear_norm_forward, _nuclear_norm_backward)


def _polar(matrix):
    """U V' of each matrix U S V', where S is not 0."""
    if matrix.shape[-2] > matrix.shape[-1]:
        return _polar(matrix.mT).mT
    gram = jnp.abs(coordinates.product(matrix, matrix.mT))
    # The largest row sum of the Gram matrix bounds the largest singular value.
    bound = jnp.sqrt(gram.sum(-1).max(-1))[..., None, None]
    x = matrix / jnp.maximum(bound, 1e-30)

    def improve(_, x):
        gram = x @ x.mT
        return 1.875 * x + (0.375 * (gram @ gram) - 1.25 * gram) @ x

    with jax.default_matmul_precision("float32"):
        return jax.lax.fori_loop(0, ITERATIONS, improve, x)


def _weights(logits):
    """A map's softmax, but for a factor."""
    return jnp.exp(logits - jax.lax.stop_gradient(logits.max((1, 2), keepdims=True)))
