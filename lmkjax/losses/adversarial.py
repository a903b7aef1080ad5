"""Losses between two domains: gradient reversal, nuclear norms, cross-entropy."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lmkjax.landmarks import points as coordinates
from lmkjax.types import Key, Scalar, typed

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
def discrepancy(
    source: Float[Array, "*b r n"], target: Float[Array, "*b r n"]
) -> Float[Array, "*b"]:
    """Nuclear-norm Wasserstein discrepancy (NWD) of two sets of predictions.

    Args:
        source: one prediction per row, a softmax over the columns.
        target: as many, of the other domain.

    Returns:
        (|source|_* - |target|_*) / rows: above 0 where the source's rows are surer
        of themselves and more various.

    Source: Chen et al., "Reusing the Task-specific Classifier as a Discriminator",
        CVPR 2022.
    """
    return (nuclear_norm(source) - nuclear_norm(target)) / source.shape[-2]


@typed
def by_landmark(
    source: Float[Array, "b h w k"],
    target: Float[Array, "b h w k"],
    *,
    grid: int = 8,
    group: int = 0,
) -> Scalar:
    """NWD of heatmaps, a matrix of faces x places for each landmark, and their mean.

    Each map's softmax is summed over the cells of a coarse grid, and these are the
    classes. It rewards variety of place as well, so the crops of both domains must
    be drawn alike. No published form exists for heatmaps; this one is ours.

    Args:
        source: logits of one domain.
        target: logits of as many faces of the other.
        grid: cells along each side of the coarse grid, at most; the sides of the
            maps must be multiples.
        group: rows of a matrix: so many faces after each other, whose number must be
            a multiple, and the mean over groups; 0 = all.

    Raises:
        ValueError: the maps do not fall into such a grid, or the faces into groups.
    """
    if group and len(source) % group:
        raise ValueError(f"Wanted a multiple of {group} faces; got {len(source)}.")

    def matrices(logits):
        # Grouped last: groups across devices then hand over places and not maps.
        places = _places(logits, grid)
        k, faces, cells = places.shape
        return places.reshape(k, -1, group or faces, cells)

    return discrepancy(matrices(source), matrices(target)).mean()


@typed
def by_pixel(
    key: Key,
    source: Float[Array, "b h w k"],
    target: Float[Array, "b h w k"],
    *,
    pixels: int = 128,
) -> Scalar:
    """NWD of heatmaps, one matrix of pixels x (landmarks + background).

    A pixel belongs to landmark k in proportion to that map's softmax there, and to
    the background as to a landmark that may lie anywhere. Closest to the original,
    where a row is a classification. Both domains are asked at the same pixels.

    Args:
        key: chance of the pixels.
        source: logits of one domain.
        target: logits of as many faces of the other.
        pixels: rows of the matrix, drawn over faces and places alike.
    """
    b, h, w, _ = source.shape
    chosen = jax.random.randint(key, (pixels,), 0, b * h * w)
    return discrepancy(_classes(source, chosen), _classes(target, chosen))


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


def _places(logits: Float[Array, "b h w k"], grid: int) -> Float[Array, "k b cells"]:
    """Each landmark's probability over a coarse grid."""
    b, h, w, k = logits.shape
    if h % grid or w % grid:
        raise ValueError(f"Maps of {h} x {w} cells do not fall into {grid} x {grid}.")
    weight = jnp.exp(logits - jax.lax.stop_gradient(logits.max((1, 2), keepdims=True)))
    coarse = weight.reshape(b, grid, h // grid, grid, w // grid, k).sum((2, 4))
    coarse = coarse.reshape(b, grid * grid, k)
    return (coarse / coarse.sum(1, keepdims=True)).transpose(2, 0, 1)


def _classes(
    logits: Float[Array, "b h w k"], chosen: Int[Array, " n"]
) -> Float[Array, "n classes"]:
    """At each chosen pixel, the probability of every landmark and of none."""
    b, h, w, k = logits.shape
    level = jax.nn.logsumexp(logits, axis=(1, 2))
    log = logits.reshape(b * h * w, k)[chosen] - level[chosen // (h * w)]
    background = jnp.full((chosen.shape[0], 1), -jnp.log(float(h * w)))
    return jax.nn.softmax(jnp.concatenate([log, background], -1), axis=-1)
