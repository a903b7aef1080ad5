"""An egg with a face: the smallest head that can be drawn, made of formulas."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from scipy import spatial

RADII = np.array([8.2, 11.5, 10.5])
CENTRE = np.array([0.0, 1.5, 1.5])
FLIP = np.array([-1.0, 1.0, 1.0])


@dataclasses.dataclass(frozen=True, eq=False)
class Egg:
    """A `HeadLike` of two modes and three expressions, one of them not ARKit's."""

    neutral: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    ibug68: np.ndarray
    part_names: tuple[str, ...] = ("face", "head")
    eye_centres: np.ndarray | None = None
    modes: int = 2
    expression_names: tuple[str, ...] = ("mouthSmile_R", "hatch", "mouthSmile_L")
    uv: np.ndarray | None = None
    atlas: np.ndarray | None = None

    def vertices(self, identity, expression):
        """Wider; the chin to the left; a corner of the mouth up."""
        x, y, _ = self.neutral.T
        zero = np.zeros_like(x)
        chin = np.exp(-(((y + 7) / 4) ** 2))
        right, left = (
            np.exp(-((x - s) ** 2) - (y + 3.4) ** 2) * 0.8 for s in (-2.4, 2.4)
        )
        moves = [[x * 0.05, zero, zero], [0.4 * chin, zero, zero]]
        moves += [[zero, right, zero], [zero, chin, zero], [zero, left, zero]]
        amounts = jnp.concatenate([identity, expression])
        basis = np.array(moves).swapaxes(1, 2).astype(np.float32)
        return self.neutral + jnp.einsum("m,mvc->vc", amounts, basis)

    def mirrored(self, identity, expression):
        """The chin to the other side, and the other corner."""
        return identity * jnp.array([1.0, -1.0]), expression[::-1]


def ibug68() -> np.ndarray:
    """Places of the 68 points from the front [68 2], cm."""

    def ring(x, y, wide, high, count):
        turn = np.pi - 2 * np.pi * np.arange(count) / count
        return np.stack([x + wide * np.cos(turn), y + high * np.sin(turn)], 1)

    turn = np.deg2rad(np.linspace(-90, 90, 17))
    along = np.linspace(0, 1, 5)
    brow = np.stack([-5.6 + 4.4 * along, 5.0 + 0.5 * np.sin(np.pi * along)], 1)
    return np.concatenate(
        [
            np.stack([6.8 * np.sin(turn), 3.5 - 10.8 * np.cos(turn)], 1),
            brow,
            brow[::-1] * [-1, 1],
            np.stack([np.zeros(4), np.linspace(3.6, 0.6, 4)], 1),
            np.stack([np.linspace(-1.3, 1.3, 5), np.full(5, -1.1)], 1),
            ring(-3.1, 3.5, 1.3, 0.5, 6),
            ring(3.1, 3.5, 1.3, 0.5, 6),
            ring(0.0, -3.4, 2.4, 1.0, 12),
            ring(0.0, -3.4, 1.7, 0.35, 8),
        ]
    )


def make(*, scalp: bool, **changes) -> Egg:
    """An egg; its halves are mirror images, triangle for triangle.

    Args:
        scalp: whether its back is a scalp; else all of it is face.
        changes: fields to replace.
    """
    flat = (ibug68() - CENTRE[:2]) / RADII[:2]
    marks = np.concatenate([flat, np.sqrt(1 - (flat**2).sum(1, keepdims=True))], 1)
    turn = np.arange(500) * np.pi * (3 - np.sqrt(5))
    high = 1 - (np.arange(500) + 0.5) / 250
    wide = np.sqrt(1 - high**2)
    cloud = np.stack([wide * np.cos(turn), high, wide * np.sin(turn)], 1)
    cloud = cloud[cloud[:, 0] < -0.07]
    round_ = np.arange(72) * np.pi / 36
    middle = np.stack([0 * round_, np.cos(round_), np.sin(round_)], 1)
    cloud = np.concatenate([cloud, middle, cloud * FLIP])
    far = spatial.cKDTree(marks).query(cloud)[0] > 0.05
    ball = np.concatenate([marks, cloud[far]])
    triangles = spatial.ConvexHull(ball).simplices
    a, b, c = np.moveaxis(ball[triangles], 1, 0)
    inward = (np.cross(b - a, c - a) * a).sum(1) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    back = (ball[triangles].mean(1)[:, 2] < -0.1) & scalp
    egg = Egg(
        (ball * RADII + CENTRE).astype(np.float32),
        triangles.astype(np.int32),
        back.astype(np.int32),
        np.arange(68),
        ("face", "head") if scalp else ("face",),
    )
    return dataclasses.replace(egg, **changes)
