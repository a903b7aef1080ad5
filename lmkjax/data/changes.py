"""How faces are changed by chance: where they lie, and how they look."""

import dataclasses

import jax.numpy as jnp

from lmkjax.data import geometric, photometric
from lmkjax.landmarks import points
from lmkjax.types import Batch, Key, purposes


@dataclasses.dataclass(frozen=True)
class Change:
    """How much chance there is, as in `configs/base.py`.

    Attributes:
        rotation_deg: standard deviation of the turn.
        scale: standard deviation of log(scale).
        shift: standard deviation, share of the crop's side.
        flip: probability of being mirrored.
        colour: strength.
        occlude: probability of a rectangle before the face.
        blur: probability.
    """

    rotation_deg: float
    scale: float
    shift: float
    flip: float
    colour: float
    occlude: float
    blur: float

    def times(self, factor: float) -> "Change":
        """Milder below 1 (0 = the plain crop), wilder above, where no more flips."""
        fields = dataclasses.asdict(self)
        strong = {name: factor * much for name, much in fields.items()}
        strong["flip"] = min(factor, 1.0) * self.flip
        chances = {name: min(strong[name], 1.0) for name in ("occlude", "blur")}
        return Change(**strong | chances)


def augment(
    key: Key,
    batch: Batch,
    mirror: jnp.ndarray | None,
    change: Change,
    *,
    size: int,
    framing: points.Framing,
) -> Batch:
    """A batch of canvases as crops at input size, each face changed by chance.

    Args:
        key: of the chance; every face draws its own.
        batch: canvases: the crop's surroundings are there too.
        mirror: see `geometric.flip`.
        change: how much.
        size: side of the network's input, pixels.
        framing: how a crop lies around the box.

    Returns:
        The batch with float32 pictures in [0, 1], and each one's frame: out of its
        canvas.
    """
    where, look = purposes(key, "where", "look")
    frame = jnp.broadcast_to(jnp.eye(3), (len(batch.mask), 3, 3))
    batch = geometric.augment(
        where,
        batch.replace(frame=frame),
        mirror,
        size=size,
        framing=framing,
        rotation_deg=change.rotation_deg,
        scale=change.scale,
        shift=change.shift,
        flip_chance=change.flip,
        occlude_chance=change.occlude,
    )
    image = photometric.augment(
        look, batch.image, colour=change.colour, blur_chance=change.blur
    )
    return batch.replace(image=image)
