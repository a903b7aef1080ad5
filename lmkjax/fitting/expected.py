"""What is expected of a head before it is seen: the Gaussian of our own draws.

`python -m lmkjax.fitting` draws faces of `Priors` and writes the file that comes along;
their mean and their covariance are all that is taken of them.
"""

import functools
import pathlib

import jax
import numpy as np

from lmkjax import types
from lmkjax.face.priors import sample

FILE = pathlib.Path(__file__).parent / "expected.npz"
PARTS = {"pose": 3, "distance": 1, "identity": 60, "others": 7, "expression": 53}
"""What a head's numbers are, in order, and how many: yaw, pitch and roll in radians;
logarithm of the distance in cm; of `heads.Head`; `surface.Sides` and youth."""
LOOSE = {"pose": 0.02, "distance": 0.05, "identity": 0.1, "others": 0.05}
LOOSE |= {"expression": 0.03}
"""Spread that comes on top of each number's own: photos are not bound to our draws."""


def slices() -> dict[str, slice]:
    """Where each of `PARTS` is among a head's numbers."""
    found, start = {}, 0
    for name, count in PARTS.items():
        found[name] = slice(start, start + count)
        start += count
    return found


@functools.cache
def load() -> tuple[np.ndarray, np.ndarray]:
    """Mean [n] and spread [n, n] of a head's numbers: they are `mean + spread @ u`.

    The spread is lower triangular, and each of u is standard normal.
    """
    with np.load(FILE, allow_pickle=False) as kept:
        mean, covariance = kept["mean"], kept["covariance"].astype(np.float64)
    loose = np.concatenate([np.full(n, LOOSE[name]) for name, n in PARTS.items()])
    spread = np.linalg.cholesky(covariance + np.diag(loose**2))
    return mean, spread.astype(np.float32)


def draw(count: int, *, seed: int = 0) -> np.ndarray:
    """The numbers [count, n] of faces drawn from `Priors`.

    Args:
        count: how many.
        seed: of the draw.
    """
    keys = types.each_of(
        types.purpose(seed, "expected"), np.arange(count, dtype=np.uint32)
    )
    faces = sample.many(keys)
    eye = faces.camera
    pose = np.stack([eye.yaw_rad, eye.pitch_rad, eye.roll_rad], -1)
    sides = np.stack(jax.tree.leaves(faces.sides), -1)
    parts = [
        pose,
        np.log(eye.distance_cm)[:, None],
        faces.identity,
        np.concatenate([sides, np.asarray(faces.youth)[:, None]], -1),
        faces.expression,
    ]
    return np.concatenate(parts, -1).astype(np.float64)
