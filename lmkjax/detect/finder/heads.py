"""Heads to paste into scenes: rendered once, each with its cover and its 68 points."""

import dataclasses
import functools
import math
import pathlib
import sys

import jax.numpy as jnp
import numpy as np

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.face import drawing, picture
from lmkjax.face.priors import options, sample
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import schemes
from lmkjax.types import each_of, host_seed, purpose

SIZE = 160
"""Side of a head's picture, pixels; the face takes some 70 of them."""
TOGETHER = 32
"""Heads that are drawn at a time."""
NOTE = "heads.txt"
FROM_BEHIND = 0.08
"""The share of heads whose face nobody sees: what is none."""
PRIORS = (
    "people=0 large_poses=0.4 largest_deg=100,50,60 turned=0.3 yaw_deg=20 pitch_deg=12"
    " hats=0.16 hands=0.1 things=0.08 masks=0.04 scarves=0.05 glasses=0.14"
    " sunglasses=0.07 headphones=0.03 children=0.15 hardness=0.6 warmth=0.3"
    " saturated=0.5 cast=0.1 melanin=0.05,2.3,1.3 exposure=0.45 blur=0.5 jpeg=0"
    " low_resolution=0"
)
"""Turned and hidden far more often than for landmarks: those faces are to be found."""


@dataclasses.dataclass(frozen=True, eq=False)
class Heads:
    """Rendered heads.

    Attributes:
        images: uint8 [n, SIZE, SIZE, 3].
        kinds: uint8 [n, SIZE, SIZE], numbers into `picture.CLASSES`; 0 = behind it.
        points: float32 [n, 68, 2], pixels of the picture.
        seen: bool [n]: whether the face looks anywhere near the camera.
    """

    images: np.ndarray
    kinds: np.ndarray
    points: np.ndarray
    seen: np.ndarray

    @property
    def count(self) -> int:
        """How many."""
        return len(self.seen)


def load(folder: pathlib.Path, *, count: int, seed: int) -> Heads:
    """The heads that lie in a folder; rendered into it if there are none.

    Args:
        folder: it is made.
        count: heads.
        seed: of the set; head i of a seed is always the same.

    Raises:
        UserError: other heads lie there.
    """
    told = f"{count} {seed} {SIZE} {FROM_BEHIND} {PRIORS}"
    if not (folder / NOTE).is_file():
        with files.folder(folder, ours=["*.npy", NOTE]) as new:
            write(new, render(count, seed), told)
    found = (folder / NOTE).read_text()
    if found != told:
        raise UserError(
            f"{folder} holds other heads ({found}); wanted {told}. Name another folder."
        )
    return read(folder)


def write(folder: pathlib.Path, drawn: Heads, told: str) -> None:
    """Writes heads, and what they are, into a folder that is there."""
    for name, array in vars(drawn).items():
        np.save(folder / f"{name}.npy", array)
    (folder / NOTE).write_text(told)


@functools.lru_cache(maxsize=1)
def read(folder: pathlib.Path) -> Heads:
    """The heads that lie in a folder; what is asked for is read from its files."""
    names = [field.name for field in dataclasses.fields(Heads)]
    return Heads(*(np.load(folder / f"{n}.npy", mmap_mode="r") for n in names))


def render(count: int, seed: int) -> Heads:
    """Heads by their numbers, drawn some at a time."""
    head, ibug68 = heads.load(), schemes.get("ibug68")
    priors, parts = options.choose("photo", PRIORS), []
    key, together = purpose(seed, "heads"), np.arange(TOGETHER, dtype=np.uint32)
    for first in range(0, count, TOGETHER):
        keys = each_of(key, first + together)
        rng = np.random.RandomState(host_seed(seed, f"heads {first}"))
        params = _framed(sample.many(keys, priors, head=head), rng)
        drawn = drawing.draw(params, ibug68, size=SIZE, head=head)
        images = np.round(np.clip(drawn.image, 0, 1) * 255).astype(np.uint8)
        yaw = np.abs(np.asarray(params.camera.yaw_rad))
        kinds = np.asarray(drawn.segmentation).astype(np.uint8)
        parts.append((images, kinds, np.asarray(drawn.points), yaw < 1.9))
        print(f"heads: {min(first + TOGETHER, count)} of {count}", file=sys.stderr)
    return Heads(*(np.concatenate(x)[:count] for x in zip(*parts, strict=True)))


def _framed(params: sample.FaceParams, rng: np.random.RandomState):
    """The same heads, smaller in their pictures; some turned away."""
    count, camera = TOGETHER, params.camera
    away = rng.uniform(size=count) < FROM_BEHIND
    behind = rng.uniform(2.3, math.pi, count) * rng.choice([-1, 1], count)
    yaw = np.where(away, behind, np.asarray(camera.yaw_rad))
    zoom = np.log(rng.uniform(0.5, 0.75, count))
    shift = rng.normal(0, 0.03, (count, 2)) + [0, -0.08]
    camera = camera.replace(
        yaw_rad=jnp.asarray(yaw, jnp.float32),
        zoom=jnp.asarray(zoom, jnp.float32),
        shift=jnp.asarray(shift, jnp.float32),
    )
    return params.replace(camera=camera)


def cover(kinds: np.ndarray) -> np.ndarray:
    """Which pixels show the person, and not what is behind."""
    return kinds != picture.CLASSES.index("background")
