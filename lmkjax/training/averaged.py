"""A run's averaged weights: the last ones, the best ones, or exported ones."""

import io
import pathlib
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.training import trouble

EXPORTED = "weights.npz"
BEST = "best.npz"
"""Beside a run's checkpoints: the weights that did best on its validation faces."""
NOTES = "notes/"
"""What the names of figures in a file of weights begin with."""


def load(workdir: pathlib.Path, *, best: bool = False) -> Any:
    """The averaged weights of a run: exported ones, or its newest checkpoint's.

    Args:
        workdir: the run's folder.
        best: those that did best on the run's validation faces instead.

    Returns:
        The tree of parameters, as NumPy arrays.

    Raises:
        UserError: there are none, or they cannot be read.
    """
    if best:
        if not (workdir / BEST).is_file():
            raise UserError(
                f"Wanted the weights that did best on validation faces; there is no"
                f" {workdir / BEST}. A run keeps them that is trained with"
                " --config.data.validation_faces and --config.train.validate_every"
                " above 0."
            )
        return _read(workdir / BEST)[0]
    if (workdir / EXPORTED).is_file():
        return _read(workdir / EXPORTED)[0]
    from lmkjax.training import checkpoint  # Orbax: exported weights go without it

    steps = checkpoint.steps(workdir / checkpoint.FOLDER)
    if not steps:
        raise UserError(
            f"Wanted a trained run's {EXPORTED} or {checkpoint.FOLDER}/ in {workdir};"
            " found none. Train first: python -m lmkjax.train --config configs/daln.py"
            f" --workdir {workdir}"
        )
    return checkpoint.average(workdir / checkpoint.FOLDER / str(steps[-1]))


def notes(file: pathlib.Path) -> dict[str, float]:
    """The figures that `save` wrote beside the weights; none if there is no file."""
    return _read(file)[1] if file.is_file() else {}


def save(tree: Any, file: pathlib.Path, **figures: float) -> None:
    """Writes weights as one small file, whole or not at all.

    Args:
        tree: parameters.
        file: `EXPORTED` or `BEST` in a run's folder.
        **figures: what else is to be known of them.
    """
    flat = jax.tree.map(np.asarray, traverse_util.flatten_dict(tree, sep="/"))
    told = {NOTES + name: np.float64(figure) for name, figure in figures.items()}
    packed = io.BytesIO()
    np.savez_compressed(packed, **flat, **told)
    files.write(file, packed.getvalue())


def _read(file: pathlib.Path) -> tuple[Any, dict[str, float]]:
    """The tree of parameters in a file, and its figures."""
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            flat = dict(stored)
        if strange := [n for n, x in flat.items() if not isinstance(x, np.ndarray)]:
            raise ValueError(f"{strange[0]} is no array")
    except Exception as error:  # a damaged file makes NumPy and zlib raise anything
        raise UserError(
            f"Cannot read the weights in {file}: {trouble.short(error)}. Copy the file"
            " anew, or export the run again: lmkjax export."
        ) from error
    figures = {name: flat.pop(name) for name in list(flat) if name.startswith(NOTES)}
    told = {name.removeprefix(NOTES): float(f) for name, f in figures.items()}
    return traverse_util.unflatten_dict(flat, sep="/"), told
