"""Measures of a face that a person can name, and the identities that have them.

Each is a length on the head without expression. Over identities as they are drawn,
regression on the components gives its slope; where the slopes of several run alike,
as all widths do with size, their pseudo-inverse takes them apart: a direction moves
its own measure by one standard deviation and leaves the other measures where they
are. What no measure names takes the smallest, so the likeliest, values.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.errors import UserError
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.types import typed

PLACES = schemes.Scheme(
    "measures",
    (
        *schemes.get("ibug68_surface").curves,
        ("hairline", 3),
        ("right_cheek_low", 5),
        ("left_cheek_low", 5),
    ),
)
HAIR, RIGHT_CHEEK, LEFT_CHEEK = (
    PLACES.starts[name] + middle
    for name, middle in (("hairline", 1), ("right_cheek_low", 2), ("left_cheek_low", 2))
)
FACES = 2048
"""Identities that the regression is over."""


def _middle(points, group):
    return points[..., np.array(group), :].mean(-2)


def _gap(*pairs):
    """Mean distance between the middles of two groups of places."""

    def of(points):
        gaps = [_middle(points, a) - _middle(points, b) for a, b in pairs]
        return sum(jnp.linalg.norm(gap, axis=-1) for gap in gaps) / len(pairs)

    return of


def _rise(group, base, *, axis=1):
    """How much higher (or, along axis 2, further in front) a group lies."""
    return lambda points: (_middle(points, group) - _middle(points, base))[..., axis]


def _bulge(*triples):
    """Mean distance of places from the lines between two others."""

    def of(points):
        total = 0.0
        for place, start, end in triples:
            way = points[..., end, :] - points[..., start, :]
            area = jnp.cross(points[..., place, :] - points[..., start, :], way)
            total += jnp.linalg.norm(area, axis=-1) / jnp.linalg.norm(way, axis=-1)
        return total / len(triples)

    return of


UPPER_LIDS, LOWER_LIDS = (37, 38, 43, 44), (40, 41, 46, 47)
MEASURES: dict[str, tuple[str, Callable]] = {
    "face_width": ("between the jaw line's ends at the ears", _gap(((0,), (16,)))),
    "face_height": ("from the nose's root to the chin", _gap(((27,), (8,)))),
    "forehead_height": ("from the nose's root to the hairline", _gap(((HAIR,), (27,)))),
    "jaw_width": ("between the jaw's corners", _gap(((4,), (12,)))),
    "chin_height": ("from the lower lip's edge to the chin", _gap(((57,), (8,)))),
    "chin_forward": (
        "how far the chin lies in front of the nose's root",
        _rise((8,), (27,), axis=2),
    ),
    "cheek_fullness": (
        "how far the cheek stands out from the line mouth corner to ear",
        _bulge((RIGHT_CHEEK, 48, 1), (LEFT_CHEEK, 54, 15)),
    ),
    "brow_height": (
        "from the upper lid to the brow",
        _rise((18, 19, 20, 23, 24, 25), UPPER_LIDS),
    ),
    "brow_tilt": (
        "how much higher the brow's outer end lies than its inner one",
        _rise((17, 26), (21, 22)),
    ),
    "eye_distance": (
        "between the middles of the eyes",
        _gap(((36, 39), (42, 45))),
    ),
    "eye_width": (
        "from corner to corner: the eye's size",
        _gap(((36,), (39,)), ((42,), (45,))),
    ),
    "eye_opening": (
        "from the lower lid to the upper one",
        _gap((UPPER_LIDS[:2], LOWER_LIDS[:2]), (UPPER_LIDS[2:], LOWER_LIDS[2:])),
    ),
    "eye_tilt": (
        "how much higher the outer corner lies than the inner one",
        _rise((36, 45), (39, 42)),
    ),
    "nose_length": ("from the root to the base", _gap(((27,), (33,)))),
    "nose_width": ("between the wings", _gap(((31,), (35,)))),
    "nose_depth": ("from the wings to the tip", _gap(((30,), (31, 35)))),
    "mouth_width": ("from corner to corner", _gap(((48,), (54,)))),
    "lip_thickness": (
        "of both lips together, in the middle",
        lambda points: 2 * _gap(((51,), (62,)), ((57,), (66,)))(points),
    ),
}
"""Name to meaning and to the length, cm, at the places of `PLACES` [*b k 3]."""
NAMES = tuple(MEASURES)


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """What regression finds on one head; m measures, i components of identity.

    Attributes:
        mean_cm: of the measure [m].
        sd_cm: its standard deviation [m].
        slopes: standard deviations of the measure per component [m i].
        directions: components per standard deviation, the other measures kept [m i].
        fit: share of the measure's variance that is linear in the components [m].
    """

    mean_cm: np.ndarray
    sd_cm: np.ndarray
    slopes: np.ndarray
    directions: np.ndarray
    fit: np.ndarray


@functools.cache
def table(head: heads.HeadLike) -> Table:
    """The regression on a head; a second's work, once."""
    rng = np.random.default_rng(0)
    people = rng.standard_normal((FACES, head.modes)).astype(np.float32)
    calm = np.zeros(len(head.expression_names), np.float32)
    draw = jax.jit(
        lambda people: jax.lax.map(
            lambda person: _lengths(head, head.vertices(person, jnp.asarray(calm))),
            people,
        )
    )
    with jax.ensure_compile_time_eval():  # also where a face's draw is being traced
        lengths = np.asarray(draw(people), np.float64)
    mean, spread = lengths.mean(0), lengths.std(0)
    spread = np.maximum(spread, 1e-6)  # a head may not vary in all of them
    amounts = (lengths - mean) / spread
    basis = np.concatenate([people, np.ones((FACES, 1))], 1)
    found = np.linalg.lstsq(basis, amounts, rcond=None)[0]
    slopes = found[:-1].T
    return Table(
        mean.astype(np.float32),
        spread.astype(np.float32),
        slopes.astype(np.float32),
        np.linalg.pinv(slopes, rcond=1e-3).T.astype(np.float32),
        1 - (amounts - basis @ found).var(0),
    )


def _lengths(head, vertices):
    at = marks.anchors(PLACES, head)
    points = at.of(vertices)
    return jnp.stack([length(points) for _, length in MEASURES.values()])


@typed
def measure(
    head: heads.HeadLike, vertices: Float[Array, "v 3"]
) -> dict[str, Float[Array, ""]]:
    """How a face without expression measures, in standard deviations from the mean.

    Args:
        head: whose vertices.
        vertices: of the face, cm, in the head's own axes.
    """
    found = table(head)
    amounts = (_lengths(head, vertices) - found.mean_cm) / found.sd_cm
    return dict(zip(NAMES, amounts, strict=True))


@typed
def identity(head: heads.HeadLike, amounts: Mapping[str, float]) -> Float[Array, " i"]:
    """The likeliest person with these measures, mean in all others.

    Args:
        head: whose components.
        amounts: standard deviations from the mean, by the measure's name.

    Raises:
        UserError: an unknown name.
    """
    return hold(head, jnp.zeros(head.modes), amounts)


@typed
def hold(
    head: heads.HeadLike,
    identity: Float[Array, " i"],
    amounts: Mapping[str, float | Float[Array, ""]],
) -> Float[Array, " i"]:
    """The same person with these measures; the other measures stay.

    A head of fewer modes than measures comes as near as it can.

    Args:
        head: whose components.
        identity: all of them.
        amounts: standard deviations from the mean, by the measure's name.

    Raises:
        UserError: an unknown name.
    """
    unknown = sorted(set(amounts) - set(NAMES))
    if unknown:
        raise UserError(f"Unknown measures {unknown}; known: {list(NAMES)}.")
    found = table(head)
    rows = np.array([NAMES.index(name) for name in amounts], int)
    goals = jnp.array(list(amounts.values()), jnp.float32)
    missing = goals - plane.product(found.slopes[rows], identity)
    return identity + plane.product(missing, found.directions[rows])
