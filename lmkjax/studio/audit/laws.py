"""Laws that hold between drawn faces, their points and their parameters, measured."""

import dataclasses

import numpy as np

from lmkjax.face import drawing, picture
from lmkjax.face.priors import sample
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes, vocabulary
from lmkjax.studio.audit import trials

SMALL = {"visible": "ibug68", "surface": "ibug68_surface"}
"""The scheme of the 68 iBug points with each kind of contour."""
DENSE = tuple(
    name
    for name, scheme in schemes.SCHEMES.items()
    if scheme.subset68 is not None and name not in SMALL.values()
)
"""The project's schemes that contain them."""
SHOWN = [picture.CLASSES.index(c) for c in ("skin", "brows", "eyes", "lips", "mouth")]
"""What is drawn of a bare head."""
RAY_PX = 192
"""Side of the pictures in which depth and rays are compared."""
YAWS_DEG = (-70.0, -35.0, 35.0)
"""How far heads turn there."""
REACH_PX = 1.2
"""Rays up to so far from a landmark are asked too; where they agree is an answer."""
SLACK_CM = 0.5
"""How far behind the head's surface a landmark is hidden; that of `marks.seen`."""


@dataclasses.dataclass(frozen=True)
class Law:
    """What was measured, and what it may be.

    Attributes:
        name: what holds, in a few words.
        figure: what was measured; NaN = there was nothing to measure.
        limit: what it may be at most, or must be at least.
        unit: of both.
        least: whether `limit` is the least, not the most.
        note: what was measured, in a sentence or two.
    """

    name: str
    figure: float
    limit: float
    unit: str
    least: bool = False
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the figure keeps to the limit; NaN does not."""
        kept = self.figure >= self.limit if self.least else self.figure <= self.limit
        return bool(kept)


def measure(
    params: sample.FaceParams, scheme: schemes.Scheme, *, size: int
) -> list[Law]:
    """Every law, of faces that are drawn for it.

    Args:
        params: the faces, along a leading axis.
        scheme: which landmarks.
        size: side of the pictures, pixels; rays go through pictures of `RAY_PX`.
    """
    here = trials.geometry(params, scheme, size=size)
    there = trials.geometry(trials.mirrored(params), scheme, size=size)
    plain = trials.bare(params)
    pictures = [
        drawing.draw(faces, scheme, size=size)
        for faces in (plain, trials.mirrored(plain))
    ]
    views = [
        trials.see(trials.turned(params, yaw), scheme, size=RAY_PX) for yaw in YAWS_DEG
    ]
    return [
        *on_surface(here, scheme),
        on_depth(*trials.see(params, scheme, size=RAY_PX), scheme),
        mirrored_points(here.points, there.points, scheme, size=size),
        *mirrored_pictures(*pictures),
        *subsets(params, size=size),
        sight([view[:2] for view in views], scheme),
    ]


def on_surface(shape: picture.Geometry, scheme: schemes.Scheme) -> list[Law]:
    """Landmarks lie on the head's triangles: those inside all, the outline by half.

    Args:
        shape: heads with their landmarks, along a leading axis, NumPy's arrays.
        scheme: which landmarks.
    """
    gaps = np.full(shape.points.shape[:2], np.inf)
    for face, number in np.ndindex(gaps.shape):
        *spot, own = shape.points[face, number]
        if number == 0:
            rays = trials.Rays.through(shape, face)
        met = rays.near(np.array(spot), 0.0).pierce(np.array(spot))
        gaps[face, number] = np.abs(met - own).min(initial=np.inf)
    rim = outline(scheme)
    laws = [
        Law(
            "landmarks lie on the surface",
            float(gaps[:, ~rim].max(initial=0.0)),
            0.01,
            "cm",
            note="Largest gap in depth between a landmark and the triangle that a ray"
            " through the picture meets there.",
        )
    ]
    if rim.any():
        laws.append(
            Law(
                "the outline's landmarks lie on the skin",
                float(np.median(gaps[:, rim])),
                0.05,
                "cm",
                note="The same of the face's outline, where the skin turns away from"
                " the eye and many a ray just misses it: the median gap.",
            )
        )
    return laws


def on_depth(
    shape: picture.Geometry,
    states: np.ndarray,
    depth: np.ndarray,
    scheme: schemes.Scheme,
) -> Law:
    """Landmarks that are seen agree with the drawn depth within a pixel.

    Args:
        shape: heads with their landmarks, along a leading axis, NumPy's arrays.
        states: what became of each landmark, by `marks.seen`.
        depth: of the bare heads, cm.
        scheme: which landmarks.
    """
    inner, gaps = np.flatnonzero(~outline(scheme)), []
    for face, drawn in enumerate(depth):
        padded = np.pad(drawn, 1, mode="edge")
        seen = inner[states[face, inner] == marks.VISIBLE]
        for x, y, own in shape.points[face, seen]:
            around = padded[int(y) : int(y) + 3, int(x) : int(x) + 3]
            gap = max(around.min() - own, own - around.max())
            gaps.append(gap * shape.view.scale[face] / own)
    return Law(
        "seen landmarks have the drawn depth, within a pixel",
        100 * float(np.mean(np.array(gaps) <= 1)) if gaps else np.nan,
        95.0,
        "%",
        least=True,
        note=f"Share of {len(gaps)} seen landmarks whose depth is at most a pixel's"
        " side outside of the depths drawn in their pixel and the eight around it. The"
        f" others lie in a fold or under a lid, by less than {SLACK_CM} cm: that counts"
        " as seen.",
    )


def mirrored_points(
    here: np.ndarray, there: np.ndarray, scheme: schemes.Scheme, *, size: int
) -> Law:
    """Mirrored parameters give mirrored points.

    Args:
        here: landmarks of faces, x, y in pixels and depth in cm [n k 3].
        there: of the same faces' mirrored parameters.
        scheme: which landmarks.
        size: side of the pictures, pixels.
    """
    paired = ~np.isin(scheme.names, scheme.lone)
    flipped = there[:, scheme.mirror] * [-1, 1, 1] + [size, 0, 0]
    flipped, here = flipped[:, paired], here[:, paired]
    return Law(
        "mirrored parameters mirror the points",
        float(np.abs(flipped - here).max()),
        0.01,
        "px",
        note="Largest difference in x, y (pixels) or depth (cm) between a face's"
        " landmarks and those of its mirrored parameters, mirrored back.",
    )


def mirrored_pictures(here: drawing.Rendering, there: drawing.Rendering) -> list[Law]:
    """Mirrored parameters give mirrored pictures, but for what noise draws.

    Args:
        here: bare heads.
        there: those of their mirrored parameters.
    """
    kind, image = np.asarray(here.segmentation), np.asarray(here.image)
    back = [np.asarray(a)[:, :, ::-1] for a in (there.segmentation, there.image)]
    head = np.isin(kind, SHOWN) & np.isin(back[0], SHOWN)
    shared = head.sum() / max(1, np.isin(kind, SHOWN).sum())
    same = np.mean((back[0] == kind)[head]) if head.any() else np.nan
    gap = np.abs(back[1] - image).mean(-1)[head].mean() if head.any() else np.nan
    unlike = np.abs(image[:, :, ::-1] - image).mean(-1)[head]
    unlike = unlike.mean() if head.any() else np.nan
    return [
        Law(
            "mirrored pictures have the same head",
            100 * float(shared),
            95.0,
            "%",
            least=True,
            note="Share of the head's pixels that are the mirrored head's too.",
        ),
        Law(
            "mirrored pictures show the same in a pixel",
            100 * float(same),
            99.0,
            "%",
            least=True,
            note="Share of these pixels with the same class (skin, brows, eyes, lips,"
            " mouth) in both.",
        ),
        Law(
            "mirrored pictures have the same colours",
            float(gap),
            0.01,
            "of 1",
            note="Mean difference of colour there; heads without hair, things, spots"
            " and grain; what is left are the brows' strands, which noise draws. From"
            f" their own mirror images the pictures differ by {unlike:.3f}.",
        ),
    ]


def subsets(params: sample.FaceParams, *, size: int) -> list[Law]:
    """`subset` for each scheme of the project that contains the 68 iBug points."""
    found = []
    for name in DENSE:
        pair = schemes.get(name), schemes.get(SMALL[schemes.get(name).contour])
        both = (trials.geometry(params, one, size=size).points for one in pair)
        found.append(subset(*both, *pair))
    return found


def subset(
    many: np.ndarray, few: np.ndarray, dense: schemes.Scheme, small: schemes.Scheme
) -> Law:
    """A dense scheme's subset equals the small scheme's points.

    Args:
        many: landmarks of faces by the dense scheme, x, y in pixels, depth [n k 3].
        few: of the same faces by the small one [n 68 3].
        dense: the one.
        small: the other.
    """
    return Law(
        f"{small.name} is part of {dense.name}",
        float(np.abs(many[:, dense.subset68] - few).max()),
        0.01,
        "px",
        note=f"Largest difference in x, y (pixels) or depth (cm) between {small.name}"
        f" and the 68 of {dense.count} landmarks that stand for it.",
    )


def sight(
    views: list[tuple[picture.Geometry, np.ndarray]], scheme: schemes.Scheme
) -> Law:
    """Visibility agrees with a ray test.

    Args:
        views: heads with their landmarks, and what became of each by `marks.seen`.
        scheme: which landmarks.
    """
    answers = [answer for view in views for answer in ask_rays(*view, scheme)]
    right = [hidden == (state == marks.BEHIND_HEAD) for hidden, state in answers]
    hidden = sum(hidden for hidden, _ in answers)
    turns = ", ".join(f"{yaw:g}" for yaw in YAWS_DEG)
    return Law(
        "visibility agrees with a ray",
        100 * float(np.mean(right)) if right and hidden else np.nan,
        100.0,
        "%",
        least=True,
        note=f"Heads turned by {turns} degrees: of {len(right)} landmarks for which"
        f" all rays up to {REACH_PX} pixels away say the same ({hidden} hidden, the"
        " others seen), the share where the picture's depth says it too.",
    )


def ask_rays(
    shape: picture.Geometry, states: np.ndarray, scheme: schemes.Scheme
) -> list[tuple[bool, int]]:
    """What rays say of each landmark inside the outline, and what the picture says.

    Args:
        shape: heads with their landmarks, along a leading axis, NumPy's arrays.
        states: what became of each landmark, by `marks.seen`.
        scheme: which landmarks.

    Returns:
        (hidden by the head, state) where rays beside each other agree.
    """
    inner, answers = np.flatnonzero(~outline(scheme)), []
    sides = np.linspace(-REACH_PX, REACH_PX, 5)
    taps = np.array([[x, y] for x in sides for y in sides])
    for face, (points, state) in enumerate(zip(shape.points, states, strict=True)):
        rays = trials.Rays.through(shape, face)
        for number in inner:
            *spot, own = points[number].astype(np.float64)
            near = rays.near(np.array(spot), REACH_PX)
            first = [near.pierce(spot + tap).min(initial=np.inf) for tap in taps]
            hidden = {bool(own > depth + SLACK_CM) for depth in first}
            if len(hidden) == 1:
                answers.append((hidden.pop(), int(state[number])))
    return answers


def outline(scheme: schemes.Scheme) -> np.ndarray:
    """Which landmarks are of the face's outline, as the camera sees it [k]."""
    seen = {name for name, _ in scheme.curves if vocabulary.CURVES[name].visible}
    return np.isin(scheme.names, list(seen))
