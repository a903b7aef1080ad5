"""What travels between the parts: faces, the types that check them, and chance.

Every draw has a purpose with a name. Keys are made of seeds and of other keys here
only: `split(key, n)[i]` is `fold_in(key, i)`, so two places that each take a key apart
in their own way would draw the same numbers without knowing.
"""

import zlib
from typing import Any

import jax
import numpy as np
from beartype import BeartypeConf, beartype
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Int8, UInt, UInt8, jaxtyped
from jaxtyping import Key as TypedKey

# An int where a float is wanted is no mistake.
typed = jaxtyped(typechecker=beartype(conf=BeartypeConf(is_pep484_tower=True)))
"""Checks shapes and types of a function's arguments while JAX traces it."""

Key = TypedKey[Array, ""]
Scalar = Float[Array, ""]
Step = Int[Array, ""]
Keys = TypedKey[Array, " n"]
Metrics = dict[str, tuple[Scalar, Scalar]]
"""Name to (sum, count): what adds up over batches, devices and hosts."""

VISIBLE, BEHIND_HEAD, BEHIND_OBJECT, OUTSIDE = 0, 1, 2, 3
"""What became of a landmark: seen, behind the head or a thing, off the picture."""
UNKNOWN = -1
"""What became of it nobody has told."""
SKIN, EYES, CONTOUR = 0, 1, 2
"""What a place lies on: the head, an eyeball (it turns), the outline of the face."""


@struct.dataclass
class Places:
    """Points of the head as such, of no face in particular: what a network is asked.

    Attributes:
        xyz: on the project's mean head, cm: x to the subject's left, y up, z to the
            viewer. Of the contour, where its point lies on the fixed jaw line.
        part: SKIN, EYES or CONTOUR.
        share: of the contour, the way from the right ear (0) over the chin (0.5) to
            the left ear (1); 0 elsewhere.
    """

    xyz: Float[Array, "*b k 3"]
    part: Int[Array, "*b k"]
    share: Float[Array, "*b k"]


@struct.dataclass
class Batch:
    """Faces with their landmarks; one face has no leading axes.

    Attributes:
        image: RGB; uint8 on the host, float32 in [0, 1] on the device.
        points: landmarks (x, y) in pixels of `image`; (0, 0) is its outer corner,
            so the first pixel's centre is (0.5, 0.5).
        visibility: VISIBLE, BEHIND_HEAD, BEHIND_OBJECT, OUTSIDE or UNKNOWN.
        box: left, top, right, bottom of the box around the face's 68 iBug points,
            in pixels of `image`.
        mask: which faces are real; False for those that only fill a batch.
        places: what each of `points` is; None = the landmarks of a scheme that whoever
            reads the faces knows.
        frame: pixels of the picture that a face was first in to those of `image`; None
            = nobody keeps it.
    """

    image: Float[Array, "*b h w 3"] | UInt8[Array, "*b h w 3"]
    points: Float[Array, "*b k 2"]
    visibility: Int8[Array, "*b k"]
    box: Float[Array, "*b 4"]
    mask: Bool[Array, "*b"]
    places: Places | None = None
    frame: Float[Array, "*b 3 3"] | None = None


@struct.dataclass
class Rendered:
    """Rendered faces as they are kept: any landmark follows from their parameters.

    `lmkjax.face.labels` makes a `Batch` of them; one face has no leading axes.

    Attributes:
        image: as in `Batch`: the picture, or what was cut from it.
        params: of the face, in a row, see `lmkjax.face.labels.pack`.
        bare: how far off the bare head is, of each pixel of the picture, see there.
        thing: which of these pixels a thing hides, eight to a byte.
        corner: where the picture's outer corner lies, pixels of `image`.
        scale: of a pixel of the picture, pixels of `image`.
        box: as in `Batch`.
        mask: as in `Batch`.
    """

    image: Float[Array, "*b h w 3"] | UInt8[Array, "*b h w 3"]
    params: Float[Array, "*b p"]
    bare: UInt8[Array, "*b s s"]
    thing: UInt8[Array, "*b s e"]
    corner: Float[Array, "*b 2"]
    scale: Float[Array, "*b"]
    box: Float[Array, "*b 4"]
    mask: Bool[Array, "*b"]


@struct.dataclass
class Outputs:
    """What a network says of a batch, stack by stack; the last stack is the answer.

    Attributes:
        features: of each stack, what maps are made of.
    """

    features: tuple[Float[Array, "b h w c"], ...]


@struct.dataclass
class Moment:
    """What a step knows of its training besides its faces and its weights.

    Attributes:
        progress: the share of the training that is over, by steps or by the clock, as
            its length is given; 0 to 1.
        average: the averaged weights before the step; None = nobody hands them on.
        memory: what terms keep from step to step, by their names; a term is shown its
            own alone, None where it keeps nothing.
    """

    progress: Scalar
    average: Any = None
    memory: Any = None


@typed
def purpose(start: int | Key, name: str) -> Key:
    """The key of one of the things that chance is needed for.

    Args:
        start: a seed, or the key of a wider purpose.
        name: what for; another name, another key.
    """
    return purposes(start, name)[0]


@typed
def purposes(start: int | Key, *names: str) -> Keys:
    """The keys of several purposes, in the order of their names; see `purpose`."""
    key = jax.random.key(start) if isinstance(start, int) else start
    return each_of(key, np.array([_checksum(name) for name in names], np.uint32))


@typed
def each_of(
    key: Key, numbers: Int[Array, " n"] | UInt[Array | np.ndarray, " n"]
) -> Keys:
    """A key for each of many alike: faces of a set or of a batch, parts of a step.

    Args:
        key: of their purpose, and of nothing else.
        numbers: which of them, below 2**32; a key depends on its own number alone.
    """
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)


@typed
def one_of(key: Key, number: int | Int[Array, ""]) -> Key:
    """As `each_of`, of one: the step of a run, the row of a sheet."""
    return jax.random.fold_in(key, number)


@typed
def faces_of(seed: int, numbers: UInt[Array | np.ndarray, " n"]) -> Keys:
    """The keys of the faces with these numbers in the set of rendered faces of a seed.

    Files and training steps, sheets and tables all draw a set's face from this key.
    """
    return each_of(purpose(seed, "faces"), numbers)


def host_seed(seed: int, name: str) -> int:
    """The seed of one of the things that the host (NumPy, Grain) draws, below 2**32."""
    return _checksum(f"{seed} {name}")


def _checksum(text: str) -> int:
    """The same number in every process, as Python's own hash of a text is not."""
    return zlib.crc32(text.encode())
