"""A head: identity and expression to vertices; the compact FaceKit is the first."""

import functools
import json
import math
import pathlib
from typing import Protocol

import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int

from lmkjax.types import typed

ASSETS = pathlib.Path(__file__).parents[1] / "assets"
GAZE_RAD = {  # an eyeball's turn at full expression: (down, towards the nose)
    "eyeLookDown": (math.radians(28), 0.0),
    "eyeLookUp": (-math.radians(25), 0.0),
    "eyeLookIn": (0.0, math.radians(32)),
    "eyeLookOut": (0.0, -math.radians(32)),
}


class HeadLike(Protocol):
    """What another head must offer to be drawn and to carry landmarks.

    Names, units and meaning are those of `Head`; `part_names` must contain "face",
    whose chart spans the unit square, "eyes" and what else the painter knows.
    """

    neutral: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    chart: np.ndarray
    part: np.ndarray
    part_names: tuple[str, ...]
    mirror: np.ndarray
    ibug68: np.ndarray
    eye_centres: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    expression_names: tuple[str, ...]
    lines: dict[str, np.ndarray]
    identity_sign: np.ndarray
    expression_mirror: np.ndarray


@struct.dataclass
class Head:
    """A morphable head as plain arrays on the host; v vertices, t triangles.

    Attributes:
        neutral: mean head without expression [v 3], cm; y up, z to the viewer, and
            the subject's right is -x.
        triangles: vertex numbers [t 3], counter-clockwise from outside.
        uv: texture coordinates of each triangle's corners [t 3 2]; those of the part
            "face" span the unit square (the face chart), v up.
        chart: the face chart's coordinates of each vertex [v 2]; -1 off the face.
        part: number of each triangle's part [t], into `part_names`.
        part_names: "face", "head", "socket", "gums", "teeth", "eyes".
        mirror: the vertex on the other side [v].
        ibug68: the makers' vertices for the 68 points (brows are too high there).
        eye_centres: vertices, in no triangle, about which eyeballs turn: right, left.
        identity: displacements of one standard deviation [i v 3], cm.
        expression: displacements of the full expression [e v 3], cm.
        expression_names: ARKit's names of the 53 expressions.
        lines: the makers' named vertex lists: "jaw_right", "jaw_left".
        identity_sign: what mirroring makes of each mode [i]: 1 (both halves alike)
            or -1 (lopsided).
        expression_mirror: the expression of the other side [e].
    """

    neutral: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    chart: np.ndarray
    part: np.ndarray
    part_names: tuple[str, ...] = struct.field(pytree_node=False)
    mirror: np.ndarray
    ibug68: np.ndarray
    eye_centres: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    expression_names: tuple[str, ...] = struct.field(pytree_node=False)
    lines: dict[str, np.ndarray]
    identity_sign: np.ndarray
    expression_mirror: np.ndarray


@functools.cache
def load() -> Head:
    """The compact FaceKit head that ships with the project."""
    data = np.load(ASSETS / "head.npz", allow_pickle=False)
    number = {int(s): i for i, s in enumerate(data["source"])}
    named = json.loads((ASSETS / "curves.json").read_text())["vertices"]
    lines = {n: np.array([number[v] for v in named[n]], np.int32) for n in named}
    mirror, identity = data["mirror"].astype(np.int32), data["identity"]
    likeness = identity * (identity[:, mirror] * [-1.0, 1.0, 1.0])
    names = data["expression_names"].tolist()
    return Head(
        neutral=data["vertices"],
        triangles=data["triangles"].astype(np.int32),
        uv=data["uv"],
        chart=data["chart"],
        part=data["part"].astype(np.int32),
        part_names=tuple(data["part_names"].tolist()),
        mirror=mirror,
        ibug68=data["ibug68"].astype(np.int32),
        eye_centres=data["eye_centres"].astype(np.int32),
        identity=identity * data["identity_step"],
        expression=data["expression"] * data["expression_step"],
        expression_names=tuple(names),
        lines=lines,
        identity_sign=np.sign(likeness.sum((1, 2))).astype(np.float32),
        expression_mirror=np.array([names.index(opposite(n)) for n in names]),
    )


def vertices(
    head: Head, identity: Float[Array, " i"], expression: Float[Array, " e"]
) -> Float[Array, "v 3"]:
    """The head's vertices for one person and one expression.

    Args:
        head: which head.
        identity: standard deviations along each mode; fewer than the head has leave
            the weakest at 0.
        expression: 0 (none) to 1 (full) for each of `head.expression_names`.

    Returns:
        Places in cm, in the head's own axes.
    """
    modes = head.identity[: identity.shape[0]]
    shape = head.neutral + jnp.einsum("i,ivc->vc", identity, modes)
    shape = shape + jnp.einsum("e,evc->vc", expression, head.expression)
    return _turn_eyes(head, shape, expression)


def _turn_eyes(head, shape, expression):
    """The eyeballs follow the eyeLook shapes, which move the lids alone."""
    right, left = eyeballs(head)
    for ball, centre, side in (
        (right, head.eye_centres[0], "R"),
        (left, head.eye_centres[1], "L"),
    ):
        down, inward = jnp.zeros(()), jnp.zeros(())
        for name, (pitch, yaw) in GAZE_RAD.items():
            amount = expression[head.expression_names.index(f"{name}_{side}")]
            down, inward = down + pitch * amount, inward + yaw * amount
        yaw = inward if side == "R" else -inward  # +: towards +x
        middle = shape[centre][None]
        place = shape[ball] - middle
        cos, sin = jnp.cos(down), jnp.sin(down)
        y = cos * place[:, 1] - sin * place[:, 2]
        z = sin * place[:, 1] + cos * place[:, 2]
        cos, sin = jnp.cos(yaw), jnp.sin(yaw)
        x, z = cos * place[:, 0] + sin * z, cos * z - sin * place[:, 0]
        shape = shape.at[ball].set(middle + jnp.stack([x, y, z], -1))
    return shape


def mirrored(
    head: Head, identity: Float[Array, " i"], expression: Float[Array, " e"]
) -> tuple[Float[Array, " i"], Float[Array, " e"]]:
    """Identity and expression of the same face in a mirror."""
    signs = head.identity_sign[: identity.shape[0]]
    return identity * signs, expression[head.expression_mirror]


def opposite(expression: str) -> str:
    """The name of the expression on the other side; its own if it has no side."""
    for one, other in (("_L", "_R"), ("Left", "Right")):
        if expression.endswith(one):
            return expression.removesuffix(one) + other
        if expression.endswith(other):
            return expression.removesuffix(other) + one
    return expression


def eyeballs(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Vertex numbers of the right and of the left eyeball."""
    ids = np.unique(head.triangles[head.part == head.part_names.index("eyes")])
    x = head.neutral[ids, 0]
    return ids[x < 0], ids[x > 0]


@typed
def normals(
    vertices: Float[Array, "v 3"], triangles: Int[Array, "t 3"]
) -> Float[Array, "v 3"]:
    """Unit normals, outward, each the area-weighted mean of the triangles around it.

    A vertex in no triangle has the normal 0.
    """
    a, b, c = jnp.moveaxis(vertices[triangles], 1, 0)
    faces = jnp.cross(b - a, c - a)
    total = jnp.zeros_like(vertices)
    for corner in range(3):
        total = total.at[triangles[:, corner]].add(faces)
    length = jnp.linalg.norm(total, axis=-1, keepdims=True)
    return total / jnp.maximum(length, 1e-12)
