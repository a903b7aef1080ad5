"""Boxes as somebody else's detector draws them: too big, too small, shifted."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.types import Batch, typed

GOLDEN_ANGLE_RAD = math.pi * (3 - math.sqrt(5))
"""Never comes round, so that all directions are alike."""


@dataclasses.dataclass(frozen=True)
class Boxes:
    """What is wrong with the boxes of a test.

    Attributes:
        name: in words; "" for the boxes as they are.
        scale: factor on the box's sides.
        shift: share of the longer side that the box is moved by.
    """

    name: str = ""
    scale: float = 1.0
    shift: float = 0.0

    def of(self, test_set: str) -> str:
        """The test set's name with what is wrong: "common, boxes 15 % too big"."""
        return f"{test_set}, {self.name}" if self.name else test_set


PERTURBED = (
    Boxes("boxes 15 % too big", scale=1.15),
    Boxes("boxes 15 % too small", scale=0.85),
    Boxes("boxes shifted 15 %", shift=0.15),
)


def perturbed(
    batches: Iterable[Batch],
    boxes: Boxes,
    cut: Callable[[Batch, jax.Array], Batch],
    *,
    first: int = 0,
    stride: int | None = None,
) -> Iterator[Batch]:
    """The faces as they come when somebody else's detector draws the boxes.

    Face i is shifted in a direction of its own (i times the golden angle), so that
    no direction is favoured and the same face is always shifted alike.

    Args:
        batches: faces with room around them (canvases).
        boxes: what is wrong.
        cut: cuts each face by the box it is given; the `box` of what it returns is
            that box, so that the mean face suffers as the network does.
        first: number of the first face.
        stride: from one batch's first face to the next one's; None = the batch's
            size. More where other processes have the faces between.

    Yields:
        Each batch, cut by its wrong boxes.
    """
    for batch in batches:
        box = jnp.asarray(batch.box)
        angle_rad = (first + np.arange(len(box))) * GOLDEN_ANGLE_RAD % (2 * math.pi)
        angle_rad = jnp.asarray(angle_rad, jnp.float32)
        yield cut(batch, perturb(box, angle_rad, scale=boxes.scale, shift=boxes.shift))
        first += len(box) if stride is None else stride


@typed
def perturb(
    box: Float[Array, "b 4"],
    angle_rad: Float[Array, " b"],
    *,
    scale: float = 1.0,
    shift: float = 0.0,
) -> Float[Array, "b 4"]:
    """Boxes of another size and place, as a detector might draw them.

    Args:
        box: left, top, right, bottom.
        angle_rad: the direction of the shift; 0 is to the right, pi / 2 down.
        scale: factor on both sides.
        shift: how far the centre moves, share of the longer side.

    Returns:
        The boxes, left, top, right, bottom.
    """
    centre, sides = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
    direction = jnp.stack([jnp.cos(angle_rad), jnp.sin(angle_rad)], -1)
    centre = centre + shift * sides.max(-1, keepdims=True) * direction
    return jnp.concatenate([centre - scale * sides / 2, centre + scale * sides / 2], -1)
