"""Landmark schemes: lists of (curve or area, how many points), and single points.

Curves run as the 68 iBug points do: from the subject's right to the left (from left
to right in a photo), from top to bottom on the middle of the face, and clockwise
(as seen) around eyes and lips, from the corner that is leftmost in the photo. So the
order of a mirrored face is each curve backwards, on the other side.

An area is the skin of a region of the face. Its points are spread evenly over the
surface: the right half's, then the left half's backwards, so that it mirrors as an
open curve does.

A single point is a place of the project's mean head under a name of its own. Its
partner is the point on the other side, where there is one.
"""

import dataclasses
import difflib
import functools
import json
import math
import pathlib

import numpy as np
import yaml

from lmkjax.errors import UserError
from lmkjax.landmarks import vocabulary

POINTS = "points"
"""What a file calls the single points, beside its curves; and their region."""
APART_CM = 0.1
"""A point whose partner is further from its mirrored place has none."""


@dataclasses.dataclass(frozen=True)
class Scheme:
    """Which landmarks there are, and in which order.

    Two schemes of the same lines are equal, whatever they are called.

    Attributes:
        name: what files and commands call it.
        curves: (curve or area, number of points), in order.
        points: (name, place on the project's mean head in cm), in order, after them;
            x to the subject's left, y up, z to the viewer. The skin near it is meant.
    """

    name: str = dataclasses.field(compare=False)
    curves: tuple[tuple[str, int], ...]
    points: tuple[tuple[str, tuple[float, float, float]], ...] = ()

    @property
    def text(self) -> str:
        """What `get` makes it of again, on any machine: its name, or all its lines."""
        if SCHEMES.get(self.name) == self:
            return self.name
        lines = [f"{name}: {count}" for name, count in self.curves]
        if self.points:  # JSON is YAML, and quotes any name
            own = {name: list(place) for name, place in self.points}
            lines.append(f"{POINTS}: {json.dumps(own)}")
        return f"{self.name}: {{{', '.join(lines)}}}"

    @property
    def lines(self) -> tuple[tuple[str, int], ...]:
        """(name, number of landmarks), in order: curves, areas and single points."""
        return (*self.curves, *((name, 1) for name, _ in self.points))

    @property
    def count(self) -> int:
        """How many landmarks there are."""
        return sum(count for _, count in self.lines)

    @property
    def starts(self) -> dict[str, int]:
        """The number of each curve's first landmark, and of each single point."""
        ends = np.cumsum([0, *(count for _, count in self.lines)])
        return {
            name: int(start)
            for (name, _), start in zip(self.lines, ends[:-1], strict=True)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The curve of each landmark; a single point's own name."""
        return tuple(name for name, count in self.lines for _ in range(count))

    @functools.cached_property
    def mirror(self) -> np.ndarray:
        """For each landmark, its partner on the other side of the face [k].

        One of `lone` has none, and stands for itself.
        """
        pairs = np.empty(self.count, np.int32)
        for name, count in self.curves:
            steps = np.arange(count)
            if vocabulary.CURVES[name].closed:
                steps = (count // 2 - steps) % count
            elif not vocabulary.CURVES[name].middle:
                steps = count - 1 - steps
            start = self.starts[name]
            partner = self.starts[vocabulary.opposite(name)]
            pairs[start : start + count] = partner + steps
        first = self.count - len(self.points)
        own = np.arange(len(self.points))
        pairs[first:] = first + np.where(self._partners < 0, own, self._partners)
        return pairs

    @property
    def lone(self) -> tuple[str, ...]:
        """The single points without a partner on the other side of the face."""
        pairs = zip(self.points, self._partners, strict=True)
        return tuple(name for (name, _), partner in pairs if partner < 0)

    @functools.cached_property
    def _partners(self) -> np.ndarray:
        """Which single point lies where each one's mirrored place is; -1 = none."""
        own = np.array([place for _, place in self.points]).reshape(-1, 3)
        away = np.linalg.norm((own * [-1, 1, 1])[:, None] - own[None], axis=-1)
        if not len(own):
            return np.empty(0, np.int32)
        best = away.argmin(1)
        there = (away.min(1) < APART_CM) & (best[best] == np.arange(len(own)))
        return np.where(there, best, -1).astype(np.int32)

    @functools.cached_property
    def edges(self) -> np.ndarray:
        """Pairs of neighbours on a curve, for drawing [e 2]; an area has none."""
        pairs = [np.empty((0, 2), int)]
        for name, count in self.curves:
            if vocabulary.CURVES[name].area:
                continue
            steps = self.starts[name] + np.arange(count)
            pairs.append(np.stack([steps[:-1], steps[1:]], 1))
            if vocabulary.CURVES[name].closed:
                pairs.append(steps[None, [-1, 0]])
        return np.concatenate(pairs).astype(np.int32)

    @functools.cached_property
    def regions(self) -> dict[str, np.ndarray]:
        """The landmarks of each part of the face; single points have their own."""
        own = {name: vocabulary.CURVES[name].region for name, _ in self.curves}
        of = np.array([own.get(name) or POINTS for name in self.names])
        return {str(name): np.flatnonzero(of == name) for name in dict.fromkeys(of)}

    @functools.cached_property
    def subset68(self) -> np.ndarray | None:
        """The landmarks that are the 68 iBug points [68]; None if some are missing."""
        found = np.full(68, -1, np.int32)
        for name, count in self.curves:
            curve = vocabulary.CURVES[name]
            if curve.ibug and vocabulary.passes_knots(name, count):
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


def check(scheme: Scheme, *, where: str) -> Scheme:
    """The scheme itself, if it makes sense.

    Args:
        scheme: what was asked for.
        where: the file or name that it came from, for the message.

    Raises:
        UserError: an unknown curve, a side without its partner, a wrong count, a
            point that has no place.
    """
    counts = dict(scheme.curves)
    if not scheme.lines or len(counts) != len(scheme.curves):
        raise UserError(
            f"{where}: wanted curves, each once; got {list(scheme.starts)}."
        )
    _check_points(scheme, where)
    for name, count in scheme.curves:
        if name not in vocabulary.CURVES:
            near = difflib.get_close_matches(name, vocabulary.CURVES, 1)
            hint = f" Is '{near[0]}' meant?" if near else ""
            raise UserError(
                f"{where}: unknown curve or area '{name}'.{hint} Known: "
                f"{', '.join(sorted(vocabulary.CURVES))}."
            )
        curve = vocabulary.CURVES[name]
        least = 4 if curve.closed else 2
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
        other = vocabulary.opposite(name)
        if counts.get(other) != count:
            raise UserError(
                f"{where}: '{name}' has {count} points, so '{other}' wants as many; got"
                f" {counts.get(other, 0)}."
            )
    return scheme


def _check_points(scheme: Scheme, where: str) -> None:
    """Refuses single points that have no place, or a name that something else has."""
    names = [name for name, _ in scheme.points]
    twice = sorted({name for name in names if names.count(name) > 1})
    if taken := twice or [name for name in names if name in vocabulary.CURVES]:
        raise UserError(
            f"{where}: a point wants a name that no other point and no curve has; got"
            f" '{taken[0]}'."
        )
    for name, place in scheme.points:
        if len(place) != 3 or not all(map(_is_number, place)):
            raise UserError(
                f"{where}: point '{name}' wants its place on the mean head as three"
                f" numbers [x, y, z], cm; got {list(place)}."
            )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


_FILE = pathlib.Path(__file__).with_suffix(".yaml")
SCHEMES = {
    name: check(Scheme(name, tuple(lines.items())), where=f"{_FILE.name}: {name}")
    for name, lines in yaml.safe_load(_FILE.read_text("utf-8")).items()
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
        own, _, lines = name.partition(": {")
        return read("{" + lines, name=own, where=f"scheme '{own}'")
    if pathlib.Path(name).suffix.lower() in (".yaml", ".yml"):
        return load(pathlib.Path(name))
    raise UserError(
        f"Unknown scheme '{name}'; known: {sorted(SCHEMES)}, or the path of a .yaml "
        f"file with one line `curve or area: number of points` for each of them, or"
        f" with `{POINTS}`, names and their places on the mean head."
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
        path: YAML, one line `curve or area: number of points` each, in order; and
            `points`, a mapping of names to places [x, y, z], or a list of places.

    Raises:
        UserError: the file is missing, is not such a list, or bears the name of a
            scheme that comes with the project and has other lines.
    """
    path = pathlib.Path(path).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
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
        text: YAML, see `load`.
        name: of the scheme.
        where: the text came from, for the message.

    Raises:
        UserError: it is no such list.
    """
    try:
        lines = yaml.load(text, _Lines)
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{where}: cannot be read as a scheme: {reason}") from error
    if not isinstance(lines, dict) or not all(isinstance(n, str) for n in lines):
        raise UserError(
            f"{where}: wanted lines `curve or area: number of points`, such as "
            f"`jaw: 17`; known: {', '.join(sorted(vocabulary.CURVES))}."
        )
    own = _points(lines.pop(POINTS), where) if POINTS in lines else ()
    return check(Scheme(name, tuple(lines.items()), own), where=where)


def _points(told: object, where: str) -> tuple:
    """Single points as a file tells them: with names, or numbered."""
    if isinstance(told, list):
        told = {f"point_{number}": place for number, place in enumerate(told)}
    known = isinstance(told, dict) and all(isinstance(name, str) for name in told)
    if not known or not all(isinstance(place, list) for place in told.values()):
        raise UserError(
            f"{where}: `{POINTS}` wants places on the mean head, cm, with names or"
            " without, such as `points: {mole: [-3.1, 2.0, 8.4]}`; got"
            f" {str(told)[:60]!r}."
        )
    # To a micrometre, so that a file's text gives the same numbers again.
    return tuple(
        (name, tuple(round(x, 4) if type(x) is float else x for x in place))
        for name, place in told.items()
    )
