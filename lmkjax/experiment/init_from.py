"""A run that begins with the weights of another."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.detect import inference
from lmkjax.errors import UserError
from lmkjax.training import averaged, state


def adopt(first: state.TrainState, run_folder: pathlib.Path) -> state.TrainState:
    """The state before the first step with the averaged weights of another run.

    Where that run speaks another scheme than this one, the landmarks that it has in
    common with this one, its 68, are kept.

    Raises:
        UserError: the folder holds no run, or a network of another shape.
    """
    spec = inference.Spec.load(run_folder)
    subset, landmarks = spec.scheme.subset68, spec.scheme.count
    theirs = averaged.load(run_folder)

    def fit(path, mine, other):
        for axis, (want, have) in enumerate(zip(mine.shape, other.shape, strict=True)):
            if want != have and (want, have) == (68, landmarks) and subset is not None:
                other = np.take(other, subset, axis)
        if other.shape != mine.shape:
            name = jax.tree_util.keystr(path)
            raise UserError(
                f"Wanted weights of {run_folder} that fit; {name} is {other.shape}"
                f" there and {mine.shape} here. Use the same --config.model."
            )
        return jax.device_put(other, mine.sharding)

    known = {name: part for name, part in theirs.items() if name in first.params}
    mine = {name: first.params[name] for name in known}
    params = first.params | jax.tree_util.tree_map_with_path(fit, mine, known)
    return first.replace(params=params, ema=jax.tree.map(jnp.copy, params))
