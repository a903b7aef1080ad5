"""The curves and areas of a face that schemes are made of, without any head."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Curve:
    """What is known of a curve without any head.

    Attributes:
        region: the part of the face it belongs to.
        ibug: the iBug points that it passes, in its own order; () if none.
        closed: whether the end meets the start.
        middle: whether it lies on the plane of symmetry, point for point.
        visible: whether it is the outline that a camera sees, not a place on the head.
        area: whether it is no curve, but the skin of the region.
    """

    region: str
    ibug: tuple[int, ...] = ()
    closed: bool = False
    middle: bool = False
    visible: bool = False
    area: bool = False


_ONE_SIDED = {
    "brow_upper": Curve("brows"),
    "brow_lower": Curve("brows"),
    "eye_crease": Curve("eyes"),
    "eye_bag": Curve("eyes"),
    "iris": Curve("eyes", closed=True),
    "pupil": Curve("eyes", closed=True),
    "nose_side": Curve("nose"),
    "nose_wing": Curve("nose"),
    "philtrum": Curve("lips"),
    "nasolabial": Curve("cheeks"),
    "marionette": Curve("cheeks"),
    "cheek_high": Curve("cheeks"),
    "cheek": Curve("cheeks"),
    "cheek_low": Curve("cheeks"),
    "jaw_line": Curve("cheeks"),
    "temple": Curve("forehead"),
    "ear": Curve("ears"),
}
CURVES = {
    "jaw": Curve("jaw", tuple(range(17)), visible=True),
    "jaw_surface": Curve("jaw", tuple(range(17))),
    "right_brow": Curve("brows", tuple(range(17, 22))),
    "left_brow": Curve("brows", tuple(range(22, 27))),
    "nose_bridge": Curve("nose", tuple(range(27, 31)), middle=True),
    "nose_base": Curve("nose", tuple(range(31, 36))),
    "right_eye": Curve("eyes", tuple(range(36, 42)), closed=True),
    "left_eye": Curve("eyes", tuple(range(42, 48)), closed=True),
    "lips_outer": Curve("lips", tuple(range(48, 60)), closed=True),
    "lips_inner": Curve("lips", tuple(range(60, 68)), closed=True),
    "nose_tip": Curve("nose"),
    "chin": Curve("jaw"),
    "forehead_low": Curve("forehead"),
    "forehead_high": Curve("forehead"),
    "forehead": Curve("forehead"),
    "hairline": Curve("forehead"),
    **{f"right_{name}": curve for name, curve in _ONE_SIDED.items()},
    **{f"left_{name}": curve for name, curve in _ONE_SIDED.items()},
    **{n: Curve(n, area=True) for n in ("brows", "eyes", "nose", "lips", "cheeks")},
    # The regions' own names are those of curves.
    **{f"{n}_area": Curve(n, area=True) for n in ("forehead", "jaw")},
}
"""Every legal name. "jaw" is the contour as seen, "jaw_surface" stays put."""


def passes_knots(curve: str, count: int) -> bool:
    """Whether `count` points on a curve include the iBug points that lie on it.

    Then each piece between two of them is cut evenly; else the whole curve is.
    """
    knots = len(CURVES[curve].ibug)
    if not knots:
        return False
    return (
        count % knots == 0 if CURVES[curve].closed else (count - 1) % (knots - 1) == 0
    )


def opposite(curve: str) -> str:
    """The curve on the other side of the face; one across the middle is its own."""
    side, _, rest = curve.partition("_")
    return {"right": f"left_{rest}", "left": f"right_{rest}"}.get(side, curve)
