"""What is expected of a head before it is seen: the Gaussian of our own draws.

`python -m lmkjax.fitting.expected` draws faces of `Priors` and writes the file that
comes along; their mean and their covariance are all that is taken of them.
"""

import functools
import io
import pathlib
from collections.abc import Sequence

import numpy as np

from lmkjax import cli, files

FILE = pathlib.Path(__file__).parent / "expected.npz"
COUNT = 16_384
"""Faces that are drawn for the file."""
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
    import jax

    from lmkjax import types
    from lmkjax.face.priors import sample

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


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the file; returns the exit code."""
    parser = cli.Parser(prog="python -m lmkjax.fitting.expected", description=__doc__)
    parser.add_argument("--out", default=str(FILE), metavar="FILE", help="the file")
    options = parser.parse_args(argv)
    out = files.local(options.out, flag="--out")

    numbers, content = draw(COUNT), io.BytesIO()
    np.savez_compressed(
        content,
        mean=numbers.mean(0).astype(np.float32),
        covariance=np.cov(numbers.T).astype(np.float32),
    )
    files.write(out, content.getvalue())
    print(f"{COUNT} faces: {out}")
    return 0


if __name__ == "__main__":
    cli.run(main)
