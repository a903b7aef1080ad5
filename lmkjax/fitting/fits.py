"""Points of faces to heads: pose, gaze, expression, and the surface in centimetres."""

import functools
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.errors import UserError
from lmkjax.face.optics import camera
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import surface as surfaces
from lmkjax.fitting import basis, solver
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes

BATCH = 16
"""Faces that are fitted together."""
STATES = (1.0, 0.5, 0.5, 0.0)
"""What a point counts that is seen, behind the head, behind a thing, outside."""
ALIKE = 40.0
"""So many points of a network tell as much as any more: it errs alike at neighbours."""
LOOSE = 0.1
"""A fit whose points lie further off than this share of the face's size is none."""
EXPRESSIONS = heads.load().expression_names
"""FaceKit's names of the 53: ARKit's, with `_L` and `_R` for `Left` and `Right` of a
side; its `browInnerUp` and `cheekPuff` have two sides here, `tongueOut` is missing."""


class Heads(NamedTuple):
    """Fitted heads, along the first axis; a face that could not be fitted is NaN.

    The head's axes: x to its own left, y up, z out of the face, cm, the origin in the
    head. The camera's: x to the picture's right, y up, z towards the camera; they
    stand where the line of sight to the head does, so pose and gaze are as one sees
    the face, wherever it is in the photo.

    Attributes:
        pose_deg: yaw (looks to the picture's right), pitch (looks down) and roll
            (tilts clockwise, as one sees it); first yaw, then pitch, then roll [n 3].
        expression: 0 to 1 for each of `EXPRESSIONS` [n 53].
        identity: standard deviations along FaceKit's modes [n 60].
        others: how the sides differ and how young it is [n 7], see `solver.Numbers`.
        points_cm: of the landmarks, in the head's axes [n k 3].
        gaze_deg: of the right and of the left eye, against the line to the camera:
            to the picture's right, and down [n 2 2].
        focal_px: focal length, in pixels of the picture [n].
        distance_cm: from the camera to the head's pivot [n]; how far a face is and how
            large it is follow from what is expected of heads alone.
        centre: where the pivot is in the picture, pixels [n 2].
        residual_px: root of the weighted mean squared distance between the points and
            the head's own [n].
        settled: whether the fit came to an end, near its points [n].
    """

    pose_deg: np.ndarray
    expression: np.ndarray
    identity: np.ndarray
    others: np.ndarray
    points_cm: np.ndarray
    gaze_deg: np.ndarray
    focal_px: np.ndarray
    distance_cm: np.ndarray
    centre: np.ndarray
    residual_px: np.ndarray
    settled: np.ndarray

    def vertices(self, *, neutral: bool = False) -> np.ndarray:
        """Every vertex of the heads, in their own axes, cm [n v 3].

        Args:
            neutral: without expression.
        """
        expression = self.expression * (0.0 if neutral else 1.0)
        return np.asarray(_mesh(self.identity, expression, self.others))

    def turns(self) -> np.ndarray:
        """The matrices that turn the heads' axes into the camera's [n 3 3]."""
        return np.asarray(_turn(np.deg2rad(self.pose_deg)))

    def project(self, places: np.ndarray) -> np.ndarray:
        """Where places of the heads' own axes [n k 3] are in the pictures [n k 2]."""
        away = places - np.array(surfaces.PIVOT, np.float32)
        turned = np.einsum("nij,nkj->nki", self.turns(), away)
        depth = np.maximum(self.distance_cm[:, None] - turned[..., 2], 1.0)
        flat = turned[..., :2] * [1, -1] / depth[..., None]
        return flat * self.focal_px[:, None, None] + self.centre[:, None]


def fit(
    points: np.ndarray,
    uncertainty: np.ndarray | float,
    scheme: str | pathlib.Path | schemes.Scheme,
    *,
    visibility: np.ndarray | None = None,
    alike: float = ALIKE,
) -> Heads:
    """The heads that points of faces tell of.

    Args:
        points: [n, k, 2], pixels; a point that is not finite does not count.
        uncertainty: [n, k], standard deviations along an axis, pixels; or one number.
        scheme: of the points; or its name or YAML file.
        visibility: [n, k, 4], probabilities of the states; None = all are seen.
        alike: so many points tell as much as any more; infinite where each errs
            independently of the others, as one's own clicks do.

    Returns:
        The heads. A face of fewer than eight points is NaN, and has not settled.

    Raises:
        UserError: the points are not as many as the scheme's, or the uncertainty or
            the visibility is not of so many.
    """
    known = isinstance(scheme, schemes.Scheme)
    scheme = scheme if known else schemes.get(str(scheme))
    points = np.asarray(points, np.float32)
    if points.ndim != 3 or points.shape[1:] != (scheme.count, 2):
        raise UserError(
            f"Wanted points [n, {scheme.count}, 2] of scheme '{scheme.name}'; got"
            f" {list(points.shape)}."
        )
    shape = points.shape[:2]
    try:
        sigma = np.broadcast_to(np.asarray(uncertainty, np.float32), shape)
    except ValueError:
        raise UserError(
            f"Wanted an uncertainty {list(shape)}, or one number; got"
            f" {list(np.shape(uncertainty))}."
        ) from None
    weight = np.ones(shape, np.float32)
    if visibility is not None:
        if np.shape(visibility) != (*shape, len(STATES)):
            raise UserError(
                f"Wanted a visibility {[*shape, len(STATES)]}; got"
                f" {list(np.shape(visibility))}."
            )
        weight = np.einsum("nks,s->nk", np.asarray(visibility, "f"), STATES)
    found, own = [], basis.of(scheme)
    batch = min(BATCH, max(1, len(points)))
    for first in range(0, max(1, len(points)), batch):
        part = [x[first : first + batch] for x in (points, sigma, weight)]
        full = [np.zeros((batch, *x.shape[1:]), np.float32) for x in part]
        for whole, few in zip(full, part, strict=True):
            whole[: len(few)] = few
        solution = jax.device_get(solver.solve(*full, np.float32(alike), own))
        found.append(solution)
    every = jax.tree.map(lambda *parts: np.concatenate(parts)[: len(points)], *found)
    return _told(every, points)


def _told(solution: solver.Solution, points: np.ndarray) -> Heads:
    """A solution as people read it."""
    numbers = solution.numbers
    expression = np.clip(numbers.expression, 0, 1)
    near = solution.residual_px < LOOSE * np.maximum(_size(points), 1e-6)
    return Heads(
        pose_deg=np.rad2deg(numbers.pose),
        expression=expression,
        identity=numbers.identity,
        others=numbers.others,
        points_cm=solution.places,
        gaze_deg=np.asarray(gaze(numbers.pose, expression)),
        focal_px=numbers.focal_px,
        distance_cm=numbers.distance_cm,
        centre=numbers.centre,
        residual_px=solution.residual_px,
        settled=solution.settled & near,
    )


def _size(points: np.ndarray) -> np.ndarray:
    """Root of the mean squared distance of the points from their middle, pixels [n].

    Those that are not finite do not count; without any other it is 0.
    """
    there = np.isfinite(points).all(-1, keepdims=True)
    finite = np.where(there, points, 0).astype(float)  # squares of what float32 holds
    count = np.maximum(there.sum(1, keepdims=True), 1)
    away = np.where(there, finite - finite.sum(1, keepdims=True) / count, 0)
    return np.sqrt((away**2).sum((1, 2)) / count[:, 0, 0])


def summary(fitted: Heads, face: int) -> dict[str, Any]:
    """What is told of one head in a JSON file; numbers that are none are left out."""
    if not np.isfinite(fitted.residual_px[face]):
        return {"settled": False}

    def numbers(values, digits=3):
        return np.asarray(values, float).round(digits).tolist()

    return {
        "settled": bool(fitted.settled[face]),
        "residual_px": numbers(fitted.residual_px[face]),
        "pose_deg": dict(
            zip(("yaw", "pitch", "roll"), numbers(fitted.pose_deg[face]), strict=True)
        ),
        "gaze_deg": {
            side: dict(zip(("right", "down"), numbers(eye), strict=True))
            for side, eye in zip(
                ("right_eye", "left_eye"), fitted.gaze_deg[face], strict=True
            )
        },
        "focal_px": numbers(fitted.focal_px[face]),
        "distance_cm": numbers(fitted.distance_cm[face]),
        "centre": numbers(fitted.centre[face]),
        "expression": dict(
            zip(EXPRESSIONS, numbers(fitted.expression[face]), strict=True)
        ),
        "identity": numbers(fitted.identity[face]),
        "others": numbers(fitted.others[face]),
        "points_cm": numbers(fitted.points_cm[face]),
    }


@jax.jit
@jax.vmap
def _mesh(identity, expression, others):
    head = heads.load()
    surface = surfaces.load(head)
    moved = surfaces.lopsided(surface, surfaces.Sides(*others[:-1]))
    moved = moved + surfaces.youth(surface, others[-1])
    return head.vertices(identity, expression) + moved[: len(head.neutral)]


@jax.jit
@jax.vmap
def _turn(pose):
    none = jnp.zeros(())
    return camera.rotation(camera.Camera(*pose, none, jnp.zeros(2), none))


@jax.jit
@functools.partial(jax.vmap, in_axes=(0, 0))
def gaze(pose, expression):
    """To the picture's right and down, degrees, of both eyes [n 2 2].

    Args:
        pose: yaw, pitch and roll, radians [n 3].
        expression: 0 to 1 for each of `EXPRESSIONS` [n 53].
    """
    ahead, middle = jnp.array([[0.0, 0.0, 1.0]]), jnp.zeros((1, 3))
    angles = heads.eye_angles(EXPRESSIONS, expression)
    ways = [heads.turn_eye(ahead, middle, turn)[0] for turn in angles]
    none = jnp.zeros(())
    turn = camera.rotation(camera.Camera(*pose, none, jnp.zeros(2), none))
    x, y, z = plane.product(jnp.stack(ways), turn.T).T
    right, down = jnp.arctan2(x, z), jnp.arctan2(-y, jnp.hypot(x, z))
    return jnp.rad2deg(jnp.stack([right, down], -1))
