"""What travels between the parts: faces, and the types that check them."""

from beartype import BeartypeConf, beartype
from flax import struct
from jaxtyping import Array, Bool, Float, Int, UInt8, jaxtyped
from jaxtyping import Key as TypedKey

# An int where a float is wanted is no mistake.
typed = jaxtyped(typechecker=beartype(conf=BeartypeConf(is_pep484_tower=True)))
"""Checks shapes and types of a function's arguments while JAX traces it."""

Key = TypedKey[Array, ""]
Scalar = Float[Array, ""]
Step = Int[Array, ""]
Metrics = dict[str, tuple[Scalar, Scalar]]
"""Name to (sum, count): what adds up over batches, devices and hosts."""


@struct.dataclass
class Batch:
    """Faces with their landmarks; one face has no leading axes.

    Attributes:
        image: RGB; uint8 on the host, float32 in [0, 1] on the device.
        points: landmarks (x, y) in pixels of `image`; (0, 0) is its outer corner,
            so the first pixel's centre is (0.5, 0.5).
        visible: which landmarks may be seen; True where nobody knows.
        box: left, top, right, bottom of the box around the face's 68 iBug points,
            in pixels of `image`.
        mask: which faces are real; False for those that only fill a batch.
    """

    image: Float[Array, "*b h w 3"] | UInt8[Array, "*b h w 3"]
    points: Float[Array, "*b k 2"]
    visible: Bool[Array, "*b k"]
    box: Float[Array, "*b 4"]
    mask: Bool[Array, "*b"]


@struct.dataclass
class Outputs:
    """What a network says of a batch, stack by stack; the last stack is the answer.

    Attributes:
        features: what each stack's head reads.
        logits: one map per landmark and stack, before any softmax.
    """

    features: Float[Array, "s b h w c"]
    logits: Float[Array, "s b h w k"]
