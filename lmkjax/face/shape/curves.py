"""Named curves on the head: where a scheme's landmarks lie.

`assets/curves.json` holds short polylines in the face chart, those of one side only;
the other side mirrors them. The brows lie 0.55 cm below the makers' vertices, where
annotators see them. Along lids and lips, iBug's points lie where annotators put them on
the near-frontal faces of 300-W's train photos: at these mean shares of the way from
corner to corner, 0.30 and 0.67 (lids; the makers' vertices: 0.21 and 0.63), 0.18 and
0.37 (outer lips; 0.16 and 0.36 above, 0.15 and 0.30 below), 0.34 (inner lips; 0.28 and
0.26); the nose's base begins 0.2 cm up the wing.
Iris and pupil are circles about the eyeball's axis.
"""

import functools
import json
import math

import numpy as np
from scipy import spatial

from lmkjax import schemes
from lmkjax.face.shape import head as heads
from lmkjax.types import UserError

IRIS_RAD = math.radians(20.5)  # angle at the eyeball's centre, from its axis (+z)
PUPIL_RAD = math.radians(7.5)
NEAR = 24  # triangles tried before all of them are


@functools.cache
def _drawn() -> dict:
    return json.loads((heads.ASSETS / "curves.json").read_text())["curves"]


def chart(name: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """A curve in the face chart.

    Args:
        name: of the curve; a right or a left one, or one across the middle.

    Returns:
        The polyline [n 2], the indices of its knots (iBug points, or its ends) and
        whether it is closed (the last point then joins the first).

    Raises:
        UserError: no such curve is drawn in the chart.
    """
    drawn = _drawn()
    if name == "jaw":
        name = "jaw_surface"
    mirrored = name not in drawn and schemes.opposite(name) in drawn
    source = schemes.opposite(name) if mirrored else name
    if source not in drawn:
        raise UserError(f"No curve '{name}' in the face chart; there: {sorted(drawn)}.")
    points = np.array(drawn[source]["points"])
    knots, closed = np.array(drawn[source]["knots"]), drawn[source]["closed"]
    if not mirrored:
        return points, knots, closed
    points = points[::-1] * [-1, 1] + [1, 0]
    knots = len(points) - 1 - knots[::-1]
    if closed:  # it starts at the corner that is leftmost in the photo
        first = knots[len(knots) // 2 - 1]
        points = np.roll(points, -first, 0)
        knots = np.sort((knots - first) % len(points))
    return points, knots, closed


def embed(scheme: schemes.Scheme, head: heads.Head) -> tuple[np.ndarray, np.ndarray]:
    """Each landmark as three vertices and their weights, so that it moves with them.

    The visible contour has no such place before there is a camera: its landmarks
    stand on the fixed jaw line here, and `contour.visible` replaces them per view.

    Args:
        scheme: which landmarks.
        head: the head that they lie on.

    Returns:
        Vertex ids [k 3] int32 and weights [k 3] float32, which sum to 1.
    """
    parts = []
    for name, count in scheme.curves:
        side, _, rest = name.partition("_")
        if rest in ("iris", "pupil"):
            angle = IRIS_RAD if rest == "iris" else PUPIL_RAD
            parts.append(_on_eye(head, side, angle, count))
        else:
            parts.append(place(head, _cut(head, name, count)))
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def place(head: heads.Head, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the face chart [n 2] as vertices [n 3] and weights [n 3].

    A spot in a slit of the chart (an eye, the mouth) goes to the nearest rim.
    """
    on_face = head.part == head.part_names.index("face")
    face, corners = head.triangles[on_face], head.uv[on_face].astype(np.float64)
    spots = np.asarray(spots, np.float64)
    near = spatial.cKDTree(corners.mean(1)).query(spots, k=NEAR)[1]
    best, weights = _within(corners, spots, near)
    lost = weights.min(-1) < -1e-6  # in a large triangle, or in a slit
    every = np.broadcast_to(np.arange(len(face)), (int(lost.sum()), len(face)))
    best[lost], weights[lost] = _within(corners, spots[lost], every)
    weights = np.maximum(weights, 0)
    weights = weights / weights.sum(-1, keepdims=True)
    return face[best].astype(np.int32), weights.astype(np.float32)


def _within(corners, spots, choices):
    """For each spot its triangle out of `choices` [n m], and the weights there."""
    a, b, c = np.moveaxis(corners[choices], 2, 0)
    spots = spots[:, None]
    area = _cross(b - a, c - a)
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    weights = [_cross(b - spots, c - spots) / area, _cross(c - spots, a - spots) / area]
    weights = np.stack([*weights, 1 - weights[0] - weights[1]], -1)
    # Least outside, in the chart's own distance: a negative weight times the height.
    depth = np.minimum(weights, 0).sum(-1) * np.sqrt(np.abs(area))
    rows, best = np.arange(len(spots)), np.argmax(depth, 1)
    return choices[rows, best], weights[rows, best]


def _cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _cut(head, name, count):
    """`count` spots of the chart along a curve, evenly spaced on the neutral head."""
    spots, knots, closed = chart(name)
    if closed:
        spots = np.concatenate([spots, spots[:1]])
        knots = np.append(knots, len(spots) - 1)
    ids, weights = place(head, spots)
    steps = np.diff((head.neutral[ids] * weights[..., None]).sum(1), axis=0)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(steps, axis=1))])
    if schemes.passes_knots(name, count):
        pieces = count // (len(knots) - 1)
        at = np.interp(
            np.arange(pieces * (len(knots) - 1) + 1) / pieces,
            np.arange(len(knots)),
            length[knots],
        )
    else:
        at = np.linspace(0, length[-1], count + closed)
    at = at[:count]
    return np.stack([np.interp(at, length, spots[:, i]) for i in range(2)], 1)


def _on_eye(head, side, angle_rad, count):
    """A circle about an eyeball's axis, clockwise as seen, from the leftmost point."""
    balls = dict(zip(("right", "left"), heads.eyeballs(head), strict=True))
    centres = dict(zip(("right", "left"), head.eye_centres, strict=True))
    turn = np.pi - 2 * np.pi * np.arange(count) / count
    flat = math.sin(angle_rad) * np.stack([np.cos(turn), np.sin(turn)], 1)
    rays = np.concatenate([flat, np.full((count, 1), math.cos(angle_rad))], 1)
    triangles = head.triangles[np.isin(head.triangles[:, 0], balls[side])]
    corners = head.neutral[triangles] - head.neutral[centres[side]]
    usable = np.abs(np.linalg.det(corners)) > 1e-9
    triangles, corners = triangles[usable], corners[usable]
    weights = np.einsum("nc,tcj->ntj", rays, np.linalg.inv(corners))
    best = weights.min(-1).argmax(1)  # all three positive: the ray goes through it
    weights = weights[np.arange(count), best]
    weights = weights / weights.sum(-1, keepdims=True)
    return triangles[best].astype(np.int32), weights.astype(np.float32)
