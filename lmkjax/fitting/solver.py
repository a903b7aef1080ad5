"""From points to a head's numbers, by weighted least squares; many faces at once.

What is made small, of each face: its points' distances to those of the model, each in
units of how unsure it is; how far its numbers are from what is expected of a head
(`expected`); and how far expressions leave 0 to 1. Levenberg and Marquardt's method
does it, in rounds: each begins with the contour that is seen from where the last one
has come to, and with less trust in points that lie far off.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import lineax
import optimistix
from flax import struct
from jaxtyping import Array, Bool, Float

from lmkjax.face import compiled
from lmkjax.face.optics import camera
from lmkjax.face.shape import contour
from lmkjax.face.shape import surface as surfaces
from lmkjax.fitting import basis as bases
from lmkjax.fitting import expected
from lmkjax.landmarks import points as plane

ROUNDS = 3
STEPS = 32
"""The most steps of a round."""
FEW = 8
"""Fewer points do not tell how a head is turned."""
WALL = 0.03
"""How far an expression may leave 0 to 1, as a standard deviation."""
TAILS = 4.0
"""Degrees of freedom of a point's error: the fewer, the less one far off is trusted."""
SURE = 0.005
"""No point is surer than this share of the face's size."""
PICTURE = 3
"""Unknowns of the picture: the logarithm of the head's size, and where it is."""


@struct.dataclass
class Numbers:
    """A head before a camera that looks at the point that it turns about.

    Attributes:
        pose: yaw, pitch and roll, radians, as of `camera.Camera`.
        distance_cm: from the camera to the head's pivot.
        focal_px: pixels per unit of the image plane.
        centre: where the pivot is in the picture, pixels.
        identity: as of `heads.Head`.
        others: how the sides differ (`surface.Sides`), and youth.
        expression: as of `heads.Head`.
    """

    pose: Float[Array, "*b 3"]
    distance_cm: Float[Array, "*b"]
    focal_px: Float[Array, "*b"]
    centre: Float[Array, "*b 2"]
    identity: Float[Array, "*b i"]
    others: Float[Array, "*b s"]
    expression: Float[Array, "*b e"]


class Solution(NamedTuple):
    """What came of a fit.

    Attributes:
        numbers: of each head.
        places: of the landmarks, in the head's axes, cm.
        residual_px: root of the weighted mean of the squared distances between the
            points and the model's.
        settled: whether the method came to an end.
    """

    numbers: Numbers
    places: Float[Array, "*b k 3"]
    residual_px: Float[Array, "*b"]
    settled: Bool[Array, "*b"]


@struct.dataclass
class _Face:
    """One face's problem.

    Attributes:
        points: pixels.
        precision: of each point, 1 / pixels; 0 of one that does not count.
        share: of the precision that each would have if it erred independently.
        size_px: root of the mean squared distance of the points from their middle.
        scale: pixels per cm that the fit begins with.
        centre: where the pivot is that it begins with.
    """

    points: Float[Array, "k 2"]
    precision: Float[Array, " k"]
    share: Float[Array, ""]
    size_px: Float[Array, ""]
    scale: Float[Array, ""]
    centre: Float[Array, " 2"]


@compiled.jit
def solve(
    points: Float[Array, "b k 2"],
    uncertainty: Float[Array, "b k"],
    weight: Float[Array, "b k"],
    alike: Float[Array, ""],
    basis: bases.Basis,
) -> Solution:
    """The heads that points tell of.

    Args:
        points: of the basis' scheme, pixels.
        uncertainty: standard deviations along an axis, pixels.
        weight: of each point, 0 to 1; what has 0 need not be finite.
        alike: so many points tell as much as any more.
        basis: of the scheme.

    Returns:
        The heads. A face of fewer than `FEW` points with a weight is not a number.
    """

    def one(points, uncertainty, weight):
        fine = jnp.isfinite(points).all(-1) & jnp.isfinite(uncertainty)
        weight = jnp.where(fine & jnp.isfinite(weight), weight, 0.0)
        known = (weight > 0).sum() >= FEW
        points = jnp.where(weight[:, None] > 0, points, 0.0)
        uncertainty = jnp.where(weight > 0, uncertainty, 1.0)
        face, u = _begin(basis, points, uncertainty, weight, alike)
        solution = _solve(basis, face, u)
        return jax.tree.map(
            lambda x: x & known if x.dtype == bool else jnp.where(known, x, jnp.nan),
            solution,
        )

    return jax.vmap(one)(points, uncertainty, weight)


def _begin(basis, points, uncertainty, weight, alike):
    """The problem, and the unknowns to begin with: the mean head, turned to fit."""
    total = jnp.maximum(weight.sum(), 1e-6)
    middle = (points * weight[:, None]).sum(0) / total
    size = jnp.sqrt((((points - middle[None]) ** 2).sum(-1) * weight).sum() / total)
    size = jnp.maximum(size, 1e-3)
    mean, spread = map(jnp.asarray, expected.load())
    at = expected.slices()
    outline = None if basis.nodes is None else _at_jaw(basis)
    head = bases.places(
        basis, outline, mean[at["identity"]], mean[at["expression"]], mean[at["others"]]
    )
    head = head - jnp.array(surfaces.PIVOT)[None]
    turn, scale, centre = _affine(head, points, weight, size)
    pose = jnp.stack(
        [
            jnp.arctan2(-turn[2, 0], turn[2, 2]),
            jnp.arcsin(jnp.clip(turn[2, 1], -1.0, 1.0)),
            jnp.arctan2(turn[0, 1], turn[1, 1]),
        ]
    )
    few = spread[:3, :3]  # the pose comes first, so its unknowns are the first ones
    u = jax.scipy.linalg.solve_triangular(few, pose - mean[:3], lower=True)
    u = jnp.zeros(mean.shape[0] + PICTURE).at[:3].set(u)
    share = jnp.sqrt(jnp.minimum(1.0, alike / jnp.maximum((weight > 0).sum(), 1)))
    precision = jnp.sqrt(weight) * share / jnp.maximum(uncertainty, SURE * size)
    return _Face(points, precision, share, size, scale, centre), u


def _affine(head, points, weight, size):
    """Turn, pixels per cm and the pivot's place by which a head lies on points best.

    An affine camera, then the nearest one that turns and scales alone.
    """
    rows = jnp.concatenate([head, jnp.ones((head.shape[0], 1))], 1)
    target = points * jnp.array([1.0, -1.0])[None] / size
    square = plane.product(rows.T * weight[None], rows) + 1e-3 * jnp.eye(4)
    found = jnp.linalg.solve(square, plane.product(rows.T * weight[None], target)).T
    left, sizes, right = jnp.linalg.svd(found[:, :3], full_matrices=False)
    two = plane.product(left, right)
    turn = jnp.concatenate([two, jnp.cross(two[0], two[1])[None]])
    centre = found[:, 3] * size * jnp.array([1.0, -1.0])
    return turn, jnp.maximum(sizes.mean(), 1e-3) * size, centre


def _at_jaw(basis):
    """The contour's landmarks where the band's outer line is: of no camera yet."""
    spokes = basis.band.ids.shape[0]
    spoke = jnp.round(basis.share * (spokes - 1)).astype(int)
    ids = jnp.asarray(basis.band.ids)[spoke, 0, :1].repeat(6, -1)
    return bases.outline(basis, ids, jnp.full(ids.shape, 1 / 6))


def _numbers(face: _Face, u: Float[Array, " n"]) -> Numbers:
    """What the unknowns are."""
    mean, spread = map(jnp.asarray, expected.load())
    picture = u[-PICTURE:]
    x = mean + plane.product(spread, u[:-PICTURE])
    of = {name: x[part] for name, part in expected.slices().items()}
    distance = jnp.exp(of["distance"][0])
    scale = face.scale * jnp.exp(0.1 * picture[0])
    return Numbers(
        pose=of["pose"],
        distance_cm=distance,
        focal_px=scale * distance,
        centre=face.centre + 0.1 * face.size_px * picture[1:],
        identity=of["identity"],
        others=of["others"],
        expression=of["expression"],
    )


def eye(numbers: Numbers) -> camera.Camera:
    """The camera of one head, its framing left out."""
    none = jnp.zeros(())
    return camera.Camera(*numbers.pose, numbers.distance_cm, jnp.zeros(2), none)


def project(places: Float[Array, "n 3"], numbers: Numbers) -> Float[Array, "n 2"]:
    """Where places of one head are in the picture, pixels."""
    own = eye(numbers)
    away = places - jnp.array(surfaces.PIVOT)[None]
    flat = camera.project(plane.product(away, camera.rotation(own).T), own)
    return flat[:, :2] * numbers.focal_px + numbers.centre[None]


def _outline(basis, numbers):
    """The contour's landmarks as they are seen now."""
    if basis.nodes is None:
        return None
    own = bases.nodes(basis, numbers.identity, numbers.expression, numbers.others)
    _, ids, weights = contour.visible(project(own, numbers), basis.band, basis.share)
    return bases.outline(basis, ids, weights)


def _places(basis, outline, numbers):
    return bases.places(
        basis, outline, numbers.identity, numbers.expression, numbers.others
    )


def _solve(basis: bases.Basis, face: _Face, u: Float[Array, " n"]) -> Solution:
    """One face, in rounds."""
    normal = lineax.Normal(lineax.Cholesky())  # QR is slower
    method = optimistix.LevenbergMarquardt(1e-2, 1e-2, linear_solver=normal)

    def off(u, outline):
        numbers = _numbers(face, u)
        apart = project(_places(basis, outline, numbers), numbers) - face.points
        return apart * face.precision[:, None], numbers

    def residuals(u, given):
        outline, trust = given
        apart, numbers = off(u, outline)
        youth, own = numbers.others[-1:], numbers.expression
        free = jnp.concatenate([own, youth])
        over = jnp.maximum(free - 1, 0) + jnp.minimum(free, 0)
        return apart * trust[:, None], over / WALL, u[:-PICTURE]

    def improve(state, _):
        u, trust, _ = state
        outline = _outline(basis, _numbers(face, u))
        given = jax.lax.stop_gradient((outline, trust))
        found = optimistix.least_squares(
            residuals, method, u, args=given, max_steps=STEPS, throw=False
        )
        apart, _ = off(found.value, outline)
        apart = apart / face.share
        trust = jnp.sqrt((TAILS + 2) / (TAILS + (apart**2).sum(-1)))
        return (found.value, trust, found.result == optimistix.RESULTS.successful), None

    state = u, jnp.ones_like(face.precision), jnp.array(False)
    (u, _, done), _ = jax.lax.scan(improve, state, None, length=ROUNDS)
    numbers = _numbers(face, u)
    places = _places(basis, _outline(basis, numbers), numbers)
    known = face.precision**2
    apart = ((project(places, numbers) - face.points) ** 2).sum(-1)
    residual = jnp.sqrt((apart * known).sum() / jnp.maximum(known.sum(), 1e-9))
    return Solution(numbers, places, residual, done)
