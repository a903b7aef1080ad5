"""Named curves and areas of the face, as places of the project's face chart.

`assets/curves.json` holds the curves, short polylines, those of one side only; the
other side mirrors them. An area is that part of the face, within the fixed jaw line and
the hairline, to which no curve of another region is nearer than its own.

The brows lie 0.55 cm below the makers' vertices, where annotators see them. Along lids
and lips, iBug's points lie where annotators put them on the near-frontal faces of
300-W's train photos: at these mean shares of the way from corner to corner, 0.30 and
0.67 (lids; the makers' vertices: 0.21 and 0.63), 0.18 and 0.37 (outer lips; 0.16 and
0.36 above, 0.15 and 0.30 below), 0.34 (inner lips; 0.28 and 0.26); the nose's base
begins 0.2 cm up the wing.
"""

import functools
import json

import numpy as np
from scipy import spatial

from lmkjax.errors import UserError
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import vocabulary

SKIN = 16_000
"""Places of the right half of the face that areas are made of."""
ROUNDS = 40


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
    mirrored = name not in drawn and vocabulary.opposite(name) in drawn
    source = vocabulary.opposite(name) if mirrored else name
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


@functools.cache
def spread(name: str, count: int) -> np.ndarray:
    """Places of the face chart, evenly spread over an area of the mean head [n 2].

    Each is the middle of what is nearer to it than to the others (Lloyd's rounds), so
    that the places keep half their distance from the area's edge and from the middle.

    Args:
        name: of the area.
        count: how many, even: the right half's from top to bottom, then the left
            half's backwards.
    """
    spots, places, regions = _skin()
    own = np.flatnonzero(regions == vocabulary.CURVES[name].region)
    spots, places = spots[own], places[own]
    chosen = [int(places[:, 1].argmax())]
    gaps = np.full(len(places), np.inf)
    for _ in range(count // 2 - 1):
        gaps = np.minimum(gaps, np.linalg.norm(places - places[chosen[-1]], axis=1))
        chosen.append(int(gaps.argmax()))
    middles, whole = places[chosen], spatial.cKDTree(places)
    for _ in range(ROUNDS):
        of = spatial.cKDTree(middles).query(places)[1]
        sums = np.stack([np.bincount(of, axis, len(middles)) for axis in places.T], 1)
        middles = sums / np.bincount(of, minlength=len(middles))[:, None]
        middles = places[whole.query(middles)[1]]  # back on the skin
    middles = middles[np.lexsort((middles[:, 0], -middles[:, 1]))]
    right = spots[whole.query(middles)[1]]
    return np.concatenate([right, right[::-1] * [-1, 1] + [1, 0]])


@functools.cache
def _skin():
    """Even places of the face's right half: in the chart, in cm, and their regions."""
    head, rng = heads.load(), np.random.default_rng(0)
    face = head.part == heads.number(head, "face")
    corners, flat = head.neutral[head.triangles[face]], head.uv[face]
    sides = corners[:, 1:] - corners[:, :1]
    size = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    number = rng.choice(len(size), 6 * SKIN, p=size / size.sum())
    share = rng.random((len(number), 2))
    share = np.where(share.sum(1, keepdims=True) > 1, 1 - share, share)
    weights = np.concatenate([1 - share.sum(1, keepdims=True), share], 1)
    spots = np.einsum("nc,ncx->nx", weights, flat[number])
    places = np.einsum("nc,ncx->nx", weights, corners[number])
    edge = np.concatenate([chart("jaw_surface")[0], chart("hairline")[0][::-1]])
    inside = (spots[:, 0] < 0.5) & within(spots, edge)
    spots, places = spots[inside][:SKIN], places[inside][:SKIN]
    lines = {
        name: chart(name)[0]
        for name, curve in vocabulary.CURVES.items()
        if not curve.area and name.partition("_")[2] not in ("iris", "pupil")
    }
    nearest = spatial.cKDTree(np.concatenate([_fine(line) for line in lines.values()]))
    of = [vocabulary.CURVES[n].region for n, line in lines.items() for _ in _fine(line)]
    return spots, places, np.array(of)[nearest.query(spots)[1]]


def _fine(line):
    """Points along a polyline, 0.002 apart."""
    length = np.concatenate([[0], np.linalg.norm(np.diff(line, axis=0), axis=1)])
    length = length.cumsum()
    at = np.linspace(0, length[-1], max(2, int(length[-1] / 0.002)))
    return np.stack([np.interp(at, length, axis) for axis in line.T], 1)


def within(spots: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Whether each spot [... 2] lies inside a closed polygon [n 2]."""
    x, y = spots[..., 0], spots[..., 1]
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if ay != by:
            crossing = (bx - ax) * (y - ay) / (by - ay) + ax
            inside ^= ((ay > y) != (by > y)) & (x < crossing)
    return inside
