"""The points of a scheme as a function of a head's numbers, with no other vertex."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int

from lmkjax.face.shape import contour, marks
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import surface as surfaces
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes

SIDES = 6
"""How many numbers `surface.Sides` has."""


@struct.dataclass
class Rows:
    """Places of the project's head, and how each of a head's numbers moves them.

    Attributes:
        mean: without identity and expression [n 3], cm.
        shape: per number of identity and expression [i+e n 3].
        moved: per number of `surface.Sides` and of youth [7 n 3].
    """

    mean: Float[Array, "*b n 3"]
    shape: Float[Array, "*b q n 3"]
    moved: Float[Array, "*b s n 3"]


@struct.dataclass
class Basis:
    """A scheme's landmarks on the project's head.

    Attributes:
        fixed: the landmarks but for the visible contour's, then the middles of the
            right and of the left eyeball.
        eyes: which rows of `fixed` turn with the right, and which with the left eye.
        nodes: of the band that the contour is looked for in, and of its middle; None
            of a scheme without such a contour.
        band: the same in these rows.
        share: of the contour's landmarks, the way along it [c].
        order: where each landmark is among the fixed ones and, after them, the
            contour's [k].
    """

    fixed: Rows
    eyes: tuple[np.ndarray, np.ndarray]
    nodes: Rows | None
    band: contour.Band | None
    share: np.ndarray
    order: np.ndarray


@functools.cache
def of(scheme: schemes.Scheme) -> Basis:
    """The basis of a scheme's landmarks, on the host; worked out once for each."""
    head = heads.load()
    at = marks.anchors(scheme, head)
    outline = np.isin(np.arange(len(at.ids)), at.contour)
    centres = _alone(head.eye_centres)
    ids, weights = (
        np.concatenate([own[~outline], more])
        for own, more in zip((at.ids, at.weights), centres, strict=True)
    )
    eyes = tuple(np.isin(ids[:, 0], ball) for ball in heads.eyeballs(head))
    nodes = band = None
    if at.contour:
        nodes, band = _nodes(head)
    return Basis(
        fixed=_rows(head, ids, weights),
        eyes=eyes,
        nodes=nodes,
        band=band,
        share=np.asarray(at.share)[outline],
        order=np.argsort(np.argsort(outline, kind="stable"), kind="stable"),
    )


def _nodes(head):
    """The nodes of the contour's band as rows, and the band in these rows."""
    own = contour.band(head)
    middle = _alone(own.middle)
    ids, weights = (
        np.concatenate([values.reshape(-1, 3), more])
        for values, more in zip((own.ids, own.weights), middle, strict=True)
    )
    count = own.ids.shape[0] * own.ids.shape[1]
    row = np.arange(count).reshape(*own.ids.shape[:2], 1).repeat(3, -1)
    one = np.zeros(row.shape, np.float32) + np.array([1, 0, 0], np.float32)
    band = contour.Band(row, one, count + np.arange(len(own.middle)))
    return _rows(head, ids, weights), band


def _alone(vertices):
    """Vertices as means of three, all but the first weighing nothing."""
    ids = np.repeat(np.asarray(vertices)[:, None], 3, 1)
    return ids, np.tile(np.array([1, 0, 0], np.float32), (len(ids), 1))


def _rows(head, ids, weights):
    """Means of three vertices each, of all that moves them."""
    ways = np.eye(SIDES, dtype=np.float32)
    surface, count = surfaces.load(head), len(head.neutral)
    moved = [surfaces.lopsided(surface, surfaces.Sides(*way)) for way in ways]
    moved = np.stack([*moved, surfaces.youth(surface, 1.0)])[:, :count]

    def rows(values):
        found = np.einsum("...kcx,kc->...kx", values[..., ids, :], weights)
        return found.astype(np.float32)

    shape = np.concatenate([head.identity, head.expression])
    return Rows(rows(head.neutral), rows(shape), rows(moved))


def places(
    basis: Basis,
    outline: Rows | None,
    identity: Float[Array, " i"],
    expression: Float[Array, " e"],
    others: Float[Array, " s"],
) -> Float[Array, "k 3"]:
    """Where a scheme's landmarks are, in the head's axes, cm.

    Args:
        basis: of the scheme.
        outline: the contour's landmarks, see `outline`; None = there are none.
        identity: as of `heads.Head`.
        expression: likewise.
        others: how the sides differ, and youth: `sample.FaceParams.sides`, `.youth`.
    """
    numbers = jnp.concatenate([identity, expression])
    shape = _shape(basis.fixed, numbers)
    angles = heads.eye_angles(heads.load().expression_names, expression)
    for which, centre, turn in zip(basis.eyes, (-2, -1), angles, strict=True):
        turned = heads.turn_eye(shape, shape[centre][None], turn)
        shape = jnp.where(which[:, None], turned, shape)
    found = (shape + _moved(basis.fixed, others))[:-2]
    if outline is not None:
        own = _shape(outline, numbers) + _moved(outline, others)
        found = jnp.concatenate([found, own])
    return found[basis.order]


def nodes(
    basis: Basis,
    identity: Float[Array, " i"],
    expression: Float[Array, " e"],
    others: Float[Array, " s"],
) -> Float[Array, "n 3"]:
    """Where the nodes of the contour's band are; arguments as for `places`."""
    numbers = jnp.concatenate([identity, expression])
    return _shape(basis.nodes, numbers) + _moved(basis.nodes, others)


def outline(basis: Basis, ids: Int[Array, "c 6"], weights: Float[Array, "c 6"]) -> Rows:
    """The contour's landmarks as they lie on the band: means of six nodes each."""

    def rows(values):
        return plane.einsum("...cjx,cj->...cx", values[..., ids, :], weights)

    own = jax.tree.map(jnp.asarray, basis.nodes)
    return Rows(rows(own.mean), rows(own.shape), rows(own.moved))


def _shape(rows, numbers):
    return rows.mean + plane.einsum("q,qkc->kc", numbers, rows.shape)


def _moved(rows, others):
    return plane.einsum("s,skc->kc", others, rows.moved)
