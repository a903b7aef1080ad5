"""A run that begins with the weights of another."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from lmkjax import files
from lmkjax.detect import detection, specs
from lmkjax.errors import UserError
from lmkjax.training import averaged

SHIPPED = "shipped"
"""What `train.init_from` calls the weights that come with lmkjax."""


def folder(text: str, *, field: str = "train.init_from") -> pathlib.Path | None:
    """The run that a config wants to begin with; None = it wants none.

    Args:
        text: a run's folder, "shipped" or "".
        field: what gives it, where another one wants a run too.
    """
    if text == SHIPPED:
        return detection.shipped()
    return files.local(text, flag=f"--config.{field}") if text else None


def told(run_folder: pathlib.Path) -> str:
    """What the weights of a run have seen, in words.

    Raises:
        UserError: the folder holds no run.
    """
    return f"began with {seen(run_folder)}"


def seen(run_folder: pathlib.Path) -> str:
    """As `told`, without what they were taken for."""
    what = specs.Spec.load(run_folder).trained_on or "nobody knows what"
    if run_folder == detection.shipped():
        return f"the weights that come with lmkjax, trained on {what}"
    return f"weights trained on ({what})"


def read(run_folder: pathlib.Path, params: Mapping[str, Any]) -> dict[str, Any]:
    """The averaged weights of another run, for the parts that both networks have.

    Where both have free kernels and that run speaks another scheme than this one, the
    landmarks that it has in common with this one, its 68, are kept.

    Args:
        run_folder: of the other run.
        params: of this network, or their shapes.

    Raises:
        UserError: the folder holds no run, or a network of another shape.
    """
    spec = specs.Spec.load(run_folder)
    subset, landmarks = spec.scheme.subset68, spec.scheme.count
    theirs = averaged.load(run_folder)

    def refuse(name, there, here):
        raise UserError(
            f"Wanted weights of {run_folder} that fit; {name} is {there} there and"
            f" {here} here. Use the same --config.model, or begin anew:"
            " --config.train.init_from="
        )

    def fit(path, mine, other):
        for axis, (want, have) in enumerate(zip(mine.shape, other.shape, strict=False)):
            if want != have and (want, have) == (68, landmarks) and subset is not None:
                other = np.take(other, subset, axis)
        if other.shape != mine.shape:
            refuse(jax.tree_util.keystr(path), other.shape, mine.shape)
        return np.asarray(other, mine.dtype)

    there, here = (_kernels(tree) for tree in (theirs, params))
    if there != here:
        refuse("--config.model.kernels", f"'{there}'", f"'{here}'")
    known = {name: part for name, part in theirs.items() if name in params}
    mine = {name: params[name] for name in known}
    if (a := jax.tree.structure(known)) != (b := jax.tree.structure(mine)):
        refuse("the network", f"of {a.num_leaves} arrays", f"of {b.num_leaves}")
    return jax.tree_util.tree_map_with_path(fit, mine, known)


def _kernels(params: Mapping[str, Any]) -> str:
    """Of which kind a network's kernels are."""
    return specs.FREE if "embedding" in params["kernels"] else specs.PLACE
