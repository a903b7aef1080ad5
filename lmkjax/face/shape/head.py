"""A head: identity and expression to vertices; the compact FaceKit is the first."""

import dataclasses
import functools
import json
import math
import pathlib
from typing import Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.errors import UserError
from lmkjax.landmarks import points as plane

ASSETS = pathlib.Path(__file__).parents[1] / "assets"
GAZE_RAD = {  # an eyeball's turn at full expression: (down, towards the nose)
    "eyeLookDown": (math.radians(28), 0.0),
    "eyeLookUp": (-math.radians(25), 0.0),
    "eyeLookIn": (0.0, math.radians(32)),
    "eyeLookOut": (0.0, -math.radians(32)),
}


@runtime_checkable
class HeadLike(Protocol):
    """What a head must offer to be drawn, sampled and marked; v vertices, t triangles.

    A head is hashed by what it is, not by its numbers: what is compiled and what is
    worked out once are kept for each, so it must not change (a dataclass wants
    `frozen=True, eq=False`). Lengths are cm; y is up, z to the viewer, the subject's
    right is -x, and the face is where the project's own is: `check` says how far off.

    Attributes:
        neutral: mean head without expression [v 3].
        triangles: vertex numbers [t 3], counter-clockwise from outside.
        part: number of each triangle's part [t], into `part_names`.
        part_names: "face" must be there. "eyes", "socket", "gums" and "teeth" are
            coloured as such. On "head" (scalp, ears, neck) hair grows and hats sit.
        ibug68: vertices of the 68 points, the jaw's on the fixed jaw line.
        eye_centres: vertices in the middle of the right and the left eyeball, in a
            triangle or not; read only if there is a part "eyes".
        modes: how many numbers an identity has, each of standard deviation 1.
        expression_names: of the numbers of an expression, 0 to 1. The priors know
            FaceKit's names (`load().expression_names`), which are ARKit's but for
            `_L` and `_R` where that has `Left` and `Right` of a side; what has another
            stays at 0 when a face is sampled.
        uv: texture hook, None if unknown: the place in the project's face chart of
            each triangle's corners [t 3 2], read for the part "face". Curves, and so
            landmarks, are laid by it; else by the 68 points (`atlas`).
        atlas: texture hook, None if unknown: the place on the project's own mean
            head that each vertex stands for [v 3], cm. Skin, brows, beard and lips
            are painted by it; else by the 68 points (`atlas`).
    """

    neutral: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    part_names: tuple[str, ...]
    ibug68: np.ndarray
    eye_centres: np.ndarray
    modes: int
    expression_names: tuple[str, ...]
    uv: np.ndarray | None
    atlas: np.ndarray | None

    def vertices(
        self, identity: Float[Array, " i"], expression: Float[Array, " e"]
    ) -> Float[Array, "v 3"]:
        """The vertices, cm, of one person and one expression; traced by JAX."""

    def mirrored(
        self, identity: Float[Array, " i"], expression: Float[Array, " e"]
    ) -> tuple[Float[Array, " i"], Float[Array, " e"]]:
        """Identity and expression of the same face in a mirror."""


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """A morphable head as plain arrays on the host: the compact FaceKit.

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
        expression_names: of the 53 expressions, see `HeadLike`.
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

    @property
    def modes(self) -> int:
        """How many numbers an identity has."""
        return len(self.identity)

    @property
    def atlas(self) -> np.ndarray:
        """Every vertex stands for itself."""
        return self.neutral

    def vertices(
        self, identity: Float[Array, " i"], expression: Float[Array, " e"]
    ) -> Float[Array, "v 3"]:
        """The head's vertices for one person and one expression.

        Args:
            identity: standard deviations along each mode; fewer than the head has
                leave the weakest at 0.
            expression: 0 (none) to 1 (full) for each of `expression_names`.

        Returns:
            Places in cm, in the head's own axes.
        """
        modes = self.identity[: identity.shape[0]]
        shape = self.neutral + plane.einsum("i,ivc->vc", identity, modes)
        shape = shape + plane.einsum("e,evc->vc", expression, self.expression)
        return _turn_eyes(self, shape, expression)

    def mirrored(
        self, identity: Float[Array, " i"], expression: Float[Array, " e"]
    ) -> tuple[Float[Array, " i"], Float[Array, " e"]]:
        """Identity and expression of the same face in a mirror."""
        signs = self.identity_sign[: identity.shape[0]]
        return identity * signs, expression[self.expression_mirror]


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


def _turn_eyes(head, shape, expression):
    """The eyeballs follow the eyeLook shapes, which move the lids alone."""
    angles = eye_angles(head.expression_names, expression)
    for ball, centre, turn in zip(
        eyeballs(head), head.eye_centres, angles, strict=True
    ):
        shape = shape.at[ball].set(turn_eye(shape[ball], shape[centre][None], turn))
    return shape


def eye_angles(
    names: tuple[str, ...], expression: Float[Array, " e"]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """How far the right and the left eyeball turn: down, and towards +x, radians.

    Args:
        names: of the expressions.
        expression: 0 (none) to 1 (full) for each of them.
    """
    found = []
    for side in "RL":
        down, inward = jnp.zeros(()), jnp.zeros(())
        for name, (pitch, yaw) in GAZE_RAD.items():
            amount = expression[names.index(f"{name}_{side}")]
            down, inward = down + pitch * amount, inward + yaw * amount
        found.append((down, inward if side == "R" else -inward))
    return tuple(found)


def turn_eye(
    points: Float[Array, "n 3"],
    middle: Float[Array, "1 3"],
    angles: tuple[Array, Array],
) -> Float[Array, "n 3"]:
    """Points of an eyeball that has turned about its middle as `eye_angles` says."""
    place = points - middle
    down, yaw = angles
    cos, sin = jnp.cos(down), jnp.sin(down)
    y = cos * place[:, 1] - sin * place[:, 2]
    z = sin * place[:, 1] + cos * place[:, 2]
    cos, sin = jnp.cos(yaw), jnp.sin(yaw)
    x, z = cos * place[:, 0] + sin * z, cos * z - sin * place[:, 0]
    return middle + jnp.stack([x, y, z], -1)


def check(head: HeadLike) -> None:
    """Says what is wrong with a head of one's own, if anything.

    Raises:
        UserError: an array of another shape, a vertex that is not there or not finite,
            or a face that is elsewhere, of another size or turned another way than the
            project's own.
    """
    v, t = len(head.neutral), len(head.triangles)
    wanted = {"neutral": (v, 3), "triangles": (t, 3), "part": (t,), "ibug68": (68,)}
    if head.uv is not None:
        wanted["uv"] = (t, 3, 2)
    if head.atlas is not None:
        wanted["atlas"] = (v, 3)
    for name, shape in wanted.items():
        if np.shape(getattr(head, name)) != shape:
            found = np.shape(getattr(head, name))
            raise UserError(f"A head's `{name}` wants the shape {shape}; got {found}.")
    if "face" not in head.part_names:
        raise UserError(f"A head wants a part 'face'; got {head.part_names}.")
    named = np.concatenate([np.ravel(head.triangles), head.ibug68])
    if named.min() < 0 or named.max() >= v:  # -1 would be the last one
        raise UserError(f"Some triangle or landmark names none of the {v} vertices.")
    if not np.isfinite(head.neutral).all():
        raise UserError("A head's `neutral` holds something that is no finite number.")
    own = load().neutral[load().ibug68]
    points = np.asarray(head.neutral)[np.asarray(head.ibug68)]
    likeness = ((points - points.mean(0)) * (own - own.mean(0))).sum(0)
    wrong = [axis for axis, same in zip("xyz", likeness, strict=True) if same <= 0]
    if wrong:
        raise UserError(
            "A head has y up, z to the viewer and the subject's right at -x, and its "
            f"68 points are iBug's, in order; here {wrong} do not run that way."
        )
    scale = np.linalg.norm(own.std(0)) / max(np.linalg.norm(points.std(0)), 1e-9)
    shift = own.mean(0) - points.mean(0) * (scale if not 0.7 < scale < 1.4 else 1)
    if not 0.7 < scale < 1.4 or np.abs(shift).max() > 3:
        raise UserError(
            "A head is measured in cm and stands where the project's own does; this "
            f"one would, were its vertices multiplied by {scale:.3g} and moved by "
            f"({shift[0]:.2f}, {shift[1]:.2f}, {shift[2]:.2f})."
        )


def number(head: HeadLike, part: str) -> int:
    """The number that a part's triangles bear; -1 if the head has no such part."""
    return head.part_names.index(part) if part in head.part_names else -1


def opposite(expression: str) -> str:
    """The name of the expression on the other side; its own if it has no side."""
    for one, other in (("_L", "_R"), ("Left", "Right")):
        if expression.endswith(one):
            return expression.removesuffix(one) + other
        if expression.endswith(other):
            return expression.removesuffix(other) + one
    return expression


def eyeballs(head: HeadLike) -> tuple[np.ndarray, np.ndarray]:
    """Vertex numbers of the right and of the left eyeball."""
    ids = np.unique(head.triangles[head.part == head.part_names.index("eyes")])
    x = head.neutral[ids, 0]
    return ids[x < 0], ids[x > 0]
