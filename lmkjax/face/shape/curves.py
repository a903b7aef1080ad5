"""Named curves of the face: short polylines in the project's face chart.

`assets/curves.json` holds them, those of one side only; the other side mirrors them.
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

from lmkjax import schemes
from lmkjax.face.shape import head as heads
from lmkjax.types import UserError


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
