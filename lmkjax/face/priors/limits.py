"""What a face cannot do at once: lips and lids meet but never cross, pulls oppose.

The expression shapes are added up, so any amounts are legal numbers; but two that
pull against each other, or a blink of a squinting narrow eye, make no face.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.types import typed

AGAINST = (
    *((f"eyeBlink_{side}", f"eyeWide_{side}") for side in "LR"),
    *((f"eyeSquint_{side}", f"eyeWide_{side}") for side in "LR"),
    *((f"browDown_{side}", f"browOuterUp_{side}") for side in "LR"),
    *((f"mouthSmile_{side}", f"mouthFrown_{side}") for side in "LR"),
    *((f"mouthSmile_{side}", "mouthPucker") for side in "LR"),
    *((f"mouthStretch_{side}", "mouthPucker") for side in "LR"),
    *((f"mouthPress_{side}", "jawOpen") for side in "LR"),
    *((f"cheekPuff_{side}", "jawOpen") for side in "LR"),
    ("jawLeft", "jawRight"),
    ("mouthLeft", "mouthRight"),
)
"""Pulls that oppose each other: the weaker gives way, all of it to a full one."""
LIPS = ((61, 67), (62, 66), (63, 65))
LIDS = {"R": ((37, 41), (38, 40)), "L": ((43, 47), (44, 46))}
"""Points of the 68 that meet when a mouth or an eye is shut: upper and lower."""
SHUT_LIPS = (
    *(f"mouth{pull}" for pull in ("Left", "Right", "RollLower", "ShrugLower")),
    *(f"mouth{pull}_{s}" for pull in ("Dimple", "Press") for s in "LR"),
    "mouthPucker",
)
SHUT_LIDS = ("eyeBlink", "eyeSquint", "cheekSquint")
"""Expressions, of one side, that are weakened where lids would cross."""


@dataclasses.dataclass(frozen=True, eq=False)
class Gaps:
    """Heights of a head's gaps between lips and lids, cm; g gaps.

    Attributes:
        mean: without identity and expression [g].
        identity: change per standard deviation of each mode [i g].
        expression: change per full expression [e g].
    """

    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray


@functools.cache
def gaps(head: heads.HeadLike) -> Gaps:
    """The gaps of a head, lips first, then the right lids, then the left ones."""
    upper, lower = np.array([*LIPS, *LIDS["R"], *LIDS["L"]]).T
    at = marks.anchors(schemes.get("ibug68_surface"), head)

    def heights(identity, expression):
        y = at.of(head.vertices(identity, expression))[:, 1]
        return y[upper] - y[lower]

    rest = np.zeros(head.modes, "f"), np.zeros(len(head.expression_names), "f")

    @jax.jit
    def look(ways):
        return jax.lax.map(lambda way: jax.jvp(heights, rest, way), ways)

    ways = np.split(np.eye(sum(map(len, rest)), dtype="f"), [head.modes], axis=1)
    with jax.ensure_compile_time_eval():  # also where a face's draw is being traced
        (mean, *_), slopes = map(np.asarray, look(tuple(ways)))
    return Gaps(mean, *np.split(slopes, [head.modes]))


@typed
def apply(
    head: heads.HeadLike, identity: Float[Array, " i"], expression: Float[Array, " e"]
) -> Float[Array, " e"]:
    """The nearest expression that this person can make.

    Opposing pulls give way to the stronger. Lips rest on each other as the mean
    head's do, whoever's they are (a trace of `mouthClose` or `jawOpen` sees to it).
    What shuts lips or lids does so until they meet.

    Args:
        head: whose identity and expression.
        identity: the person.
        expression: 0 to 1 for each of the head's expressions.
    """
    names = head.expression_names
    pairs = [[names.index(n) for n in pair] for pair in AGAINST if {*pair} <= {*names}]
    pairs = jnp.array(pairs, int).reshape(-1, 2)
    expression = jax.lax.scan(_oppose, expression, pairs)[0]  # unrolled: compiles long
    known = gaps(head)
    person = plane.product(identity, known.identity)
    lips = slice(0, 3)
    if "mouthClose" in names and "jawOpen" in names:
        shut, wide = names.index("mouthClose"), names.index("jawOpen")
        apart = person[lips].mean()
        slope = known.expression[:, lips].mean(1)
        expression = expression.at[shut].add(jnp.maximum(apart, 0) / -slope[shut])
        expression = expression.at[wide].add(jnp.maximum(-apart, 0) / slope[wide])
    height = known.mean + person
    expression = _meet(expression, height, known, lips, _numbers(names, SHUT_LIPS))
    for side, pairs in (("R", slice(3, 5)), ("L", slice(5, 7))):
        closers = _numbers(names, [f"{name}_{side}" for name in SHUT_LIDS])
        expression = _meet(expression, height, known, pairs, closers)
    return jnp.clip(expression, 0, 1)


def _numbers(names, wanted):
    return np.array([names.index(name) for name in wanted if name in names], int)


def _oppose(expression, pair):
    a, b = expression[pair]
    both = jnp.where(a < b, jnp.stack([a * (1 - b), b]), jnp.stack([a, b * (1 - a)]))
    return expression.at[pair].set(both), None


def _meet(expression, height, known, pairs, closers):
    """The expression with its closers weakened until no gap is below nothing."""
    if not len(closers):
        return expression
    moved = plane.product(expression, known.expression[:, pairs])
    shut = plane.product(expression[closers], known.expression[closers, pairs])
    shut = jnp.minimum(shut, -1e-6)
    share = (height[pairs] + moved - shut) / -shut
    return expression.at[closers].multiply(jnp.clip(share.min(), 0, 1))
