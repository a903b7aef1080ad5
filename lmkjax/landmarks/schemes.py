"""Landmark schemes: lists of (curve or area, how many points); the rest follows.

Curves run as the 68 iBug points do: from the subject's right to the left (from left
to right in a photo), from top to bottom on the middle of the face, and clockwise
(as seen) around eyes and lips, from the corner that is leftmost in the photo. So the
order of a mirrored face is each curve backwards, on the other side.

An area is the skin of a region of the face. Its points are spread evenly over the
surface: the right half's, then the left half's backwards, so that it mirrors as an
open curve does.
"""

import dataclasses
import difflib
import functools
import pathlib

import numpy as np
import yaml

from lmkjax.errors import UserError


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


@dataclasses.dataclass(frozen=True)
class Scheme:
    """Which landmarks there are, and in which order.

    Two schemes of the same lines are equal, whatever they are called.

    Attributes:
        name: what files and commands call it.
        curves: (curve or area, number of points), in order.
    """

    name: str = dataclasses.field(compare=False)
    curves: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """What `get` makes it of again, on any machine: its name, or all its lines."""
        if SCHEMES.get(self.name) == self:
            return self.name
        lines = ", ".join(f"{name}: {count}" for name, count in self.curves)
        return f"{self.name}: {{{lines}}}"

    @property
    def count(self) -> int:
        """How many landmarks there are."""
        return sum(count for _, count in self.curves)

    @property
    def starts(self) -> dict[str, int]:
        """The number of each curve's first landmark."""
        ends = np.cumsum([0, *(count for _, count in self.curves)])
        return {
            name: int(start)
            for (name, _), start in zip(self.curves, ends[:-1], strict=True)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The curve of each landmark."""
        return tuple(name for name, count in self.curves for _ in range(count))

    @functools.cached_property
    def mirror(self) -> np.ndarray:
        """For each landmark, its partner on the other side of the face [k]."""
        pairs = np.empty(self.count, np.int32)
        for name, count in self.curves:
            steps = np.arange(count)
            if CURVES[name].closed:
                steps = (count // 2 - steps) % count
            elif not CURVES[name].middle:
                steps = count - 1 - steps
            start, partner = self.starts[name], self.starts[opposite(name)]
            pairs[start : start + count] = partner + steps
        return pairs

    @functools.cached_property
    def edges(self) -> np.ndarray:
        """Pairs of neighbours on a curve, for drawing [e 2]; an area has none."""
        pairs = [np.empty((0, 2), int)]
        for name, count in self.curves:
            if CURVES[name].area:
                continue
            steps = self.starts[name] + np.arange(count)
            pairs.append(np.stack([steps[:-1], steps[1:]], 1))
            if CURVES[name].closed:
                pairs.append(steps[None, [-1, 0]])
        return np.concatenate(pairs).astype(np.int32)

    @functools.cached_property
    def regions(self) -> dict[str, np.ndarray]:
        """The landmarks of each part of the face."""
        of = np.array([CURVES[name].region for name in self.names])
        return {str(name): np.flatnonzero(of == name) for name in dict.fromkeys(of)}

    @functools.cached_property
    def subset68(self) -> np.ndarray | None:
        """The landmarks that are the 68 iBug points [68]; None if some are missing."""
        found = np.full(68, -1, np.int32)
        for name, count in self.curves:
            curve = CURVES[name]
            if curve.ibug and passes_knots(name, count):
                gaps = len(curve.ibug) - (not curve.closed)
                steps = (count - (not curve.closed)) // gaps * np.arange(gaps + 1)
                knots = self.starts[name] + steps[: len(curve.ibug)]
                found[list(curve.ibug)] = knots
        return found if (found >= 0).all() else None

    @property
    def contour(self) -> str:
        """Which jaw it has: "visible", "surface" or "none"."""
        names = set(self.starts)
        if "jaw" in names:
            return "visible"
        return "surface" if "jaw_surface" in names else "none"


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


def check(scheme: Scheme, *, where: str) -> Scheme:
    """The scheme itself, if it makes sense.

    Args:
        scheme: what was asked for.
        where: the file or name that it came from, for the message.

    Raises:
        UserError: an unknown curve, a side without its partner, a wrong count.
    """
    counts = dict(scheme.curves)
    if not counts or len(counts) != len(scheme.curves):
        raise UserError(
            f"{where}: wanted curves, each once; got {list(scheme.starts)}."
        )
    for name, count in scheme.curves:
        if name not in CURVES:
            near = difflib.get_close_matches(name, CURVES, 1)
            hint = f" Is '{near[0]}' meant?" if near else ""
            raise UserError(
                f"{where}: unknown curve or area '{name}'.{hint} Known: "
                f"{', '.join(sorted(CURVES))}."
            )
        curve, least = CURVES[name], 4 if CURVES[name].closed else 2
        least = 3 if curve.visible else least
        if type(count) is not int or count < least:
            raise UserError(
                f"{where}: '{name}' wants a whole number >= {least}; got {count!r}."
            )
        if (curve.closed or curve.area) and count % 2:
            kind = "an area" if curve.area else "closed"
            raise UserError(
                f"{where}: '{name}' is {kind} and wants an even number of points, or "
                f"the mirrored face has none to match; got {count}."
            )
        if curve.visible and count % 2 == 0:
            raise UserError(
                f"{where}: '{name}' wants an odd number of points, the middle one is "
                f"the chin; got {count}."
            )
        if counts.get(opposite(name)) != count:
            raise UserError(
                f"{where}: '{name}' has {count} points, so '{opposite(name)}' wants as "
                f"many; got {counts.get(opposite(name), 0)}."
            )
    return scheme


_FILE = pathlib.Path(__file__).with_suffix(".yaml")
SCHEMES = {
    name: check(Scheme(name, tuple(lines.items())), where=f"{_FILE.name}: {name}")
    for name, lines in yaml.safe_load(_FILE.read_text()).items()
}
"""The schemes that come with the project, by name."""


def get(name: str) -> Scheme:
    """A scheme by its name, or a user's own by the path of its YAML file.

    Args:
        name: or the path, or a scheme's own `text`.

    Raises:
        UserError: no scheme has that name.
    """
    if name in SCHEMES:
        return SCHEMES[name]
    if name.endswith("}"):
        own, _, lines = name.partition(": ")
        return read(lines, name=own, where=f"scheme '{own}'")
    if pathlib.Path(name).suffix in (".yaml", ".yml"):
        return load(pathlib.Path(name))
    raise UserError(
        f"Unknown scheme '{name}'; known: {sorted(SCHEMES)}, or the path of a .yaml "
        f"file with one line `curve or area: number of points` for each of them."
    )


class _Lines(yaml.SafeLoader):
    """Reads YAML, in which a name that comes twice is no mistake, and says so."""

    def construct_mapping(self, node, deep=False):
        """A mapping, if each of its names comes once."""
        names = [key.value for key, _ in node.value]
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        if twice:
            raise yaml.YAMLError(f"wanted each name once; got {twice} twice")
        return super().construct_mapping(node, deep)


def load(path: pathlib.Path) -> Scheme:
    """A user's own scheme, named like its file.

    Args:
        path: YAML, one line `curve or area: number of points` each, in order.

    Raises:
        UserError: the file is missing, is not such a list, or bears the name of a
            scheme that comes with the project and has other lines.
    """
    path = pathlib.Path(path).expanduser()
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a scheme: {error}") from error
    scheme = read(text, name=path.stem, where=str(path))
    if SCHEMES.get(scheme.name, scheme) != scheme:
        raise UserError(
            f"{path}: '{scheme.name}' is a scheme of other lines that comes with"
            " lmkjax; give the file another name."
        )
    return scheme


def read(text: str, *, name: str, where: str) -> Scheme:
    """A scheme from its lines.

    Args:
        text: YAML, a mapping of curves and areas to numbers of points.
        name: of the scheme.
        where: the text came from, for the message.

    Raises:
        UserError: it is no such list.
    """
    try:
        lines = yaml.load(text, _Lines)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{where}: cannot be read as a scheme: {reason}") from error
    if not isinstance(lines, dict) or not all(isinstance(n, str) for n in lines):
        raise UserError(
            f"{where}: wanted lines `curve or area: number of points`, such as "
            f"`jaw: 17`; known: {', '.join(sorted(CURVES))}."
        )
    return check(Scheme(name, tuple(lines.items())), where=where)
