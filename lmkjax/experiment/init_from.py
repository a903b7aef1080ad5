"""A run that begins with what another found: its weights, its label adapter."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from lmkjax import files
from lmkjax.adapt import adaptation
from lmkjax.detect import detection, specs
from lmkjax.errors import UserError
from lmkjax.landmarks import schemes
from lmkjax.training import averaged, checkpoint

SHIPPED = "shipped"
"""What `train.init_from` calls the weights that come with lmkjax."""
KEPT = "source_adapter.npz"
"""In the folder of a run: the adapter that rewrites its source's labels."""


def folder(text: str, *, field: str = "train.init_from") -> pathlib.Path | None:
    """The run that a config wants to begin with; None = it wants none.

    Args:
        text: a run's folder, "shipped" or "".
        field: what gives it, where another one wants a run too.
    """
    if text == SHIPPED:
        return detection.shipped()
    return files.local(text, flag=f"--config.{field}") if text else None


def _seen(run_folder: pathlib.Path) -> str:
    """What the weights of a run have seen, in words."""
    what = specs.Spec.load(run_folder).trained_on or "nobody knows what"
    if run_folder == detection.shipped():
        return f"the weights that come with lmkjax, trained on {what}"
    return f"weights trained on ({what})"


def begun(workdir: pathlib.Path | None) -> bool:
    """Whether a run goes on from a checkpoint of its own, and needs no other's weights.

    Args:
        workdir: of the run; None = it has none.
    """
    steps = (workdir / checkpoint.FOLDER).glob("*") if workdir else ()
    return any(step.name.isdigit() for step in steps)


def trained_on(
    faces: str,
    *,
    labeller: pathlib.Path | None,
    begin: pathlib.Path | None,
    workdir: pathlib.Path | None,
) -> str:
    """What a network has seen in the end, in words.

    Of a run that goes on, as it was told when that began: the others' folders may be
    gone.

    Args:
        faces: of its own training.
        labeller: the run that labels the latter of them, if one does.
        begin: the run that it begins with, if it does.
        workdir: of the run itself; None = it has none.

    Raises:
        UserError: one of the folders holds no run.
    """
    if begun(workdir):
        return specs.Spec.load(workdir).trained_on
    if labeller:
        faces += f"; labels of the latter: {_seen(labeller)}"
    return f"{faces}; began with {_seen(begin)}" if begin else faces


def read(
    run_folder: pathlib.Path, params: Mapping[str, Any], *, gain: float
) -> dict[str, Any]:
    """The averaged weights of another run, for the parts that both networks have.

    Where both have free kernels and that run speaks another scheme than this one, the
    landmarks that it has in common with this one, its 68, are kept.

    Args:
        run_folder: of the other run.
        params: of this network, or their shapes.
        gain: of this network's logits.

    Raises:
        UserError: the folder holds no run, or a network of another shape or gain.
    """
    spec = specs.Spec.load(run_folder)
    subset, landmarks = spec.scheme.subset68, spec.scheme.count
    theirs = averaged.load(run_folder)

    def refuse(name, there, here):
        raise UserError(
            f"Wanted weights of {run_folder} that fit; {name} is {there} there and"
            f" {here} here. Use the same --config.model and"
            " --config.heatmaps.gain, or begin anew: --config.train.init_from="
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
    if spec.gain != gain:  # else the maps would be other ones without a word
        refuse("--config.heatmaps.gain", f"{spec.gain:g}", f"{gain:g}")
    known = {name: part for name, part in theirs.items() if name in params}
    mine = {name: params[name] for name in known}
    if (a := jax.tree.structure(known)) != (b := jax.tree.structure(mine)):
        refuse("the network", f"of {a.num_leaves} arrays", f"of {b.num_leaves}")
    return jax.tree_util.tree_map_with_path(fit, mine, known)


def _kernels(params: Mapping[str, Any]) -> str:
    """Of which kind a network's kernels are."""
    return specs.FREE if "embedding" in params["kernels"] else specs.PLACE


def adapter(
    run_folder: pathlib.Path,
    own: schemes.Scheme,
    source: schemes.Scheme,
    *,
    workdir: pathlib.Path | None = None,
) -> adaptation.Adapter:
    """The label adapter of another run; of a run taken up again, what it has kept.

    So it learns from the labels that it began with, also where the other run's adapter
    has been fitted anew since, or is gone.

    Args:
        run_folder: of that run.
        own: the scheme of the network that is to be taught.
        source: the scheme of the labels that are rewritten.
        workdir: the folder of the run that learns, which `keep` has written to; None =
            it has none.

    Raises:
        UserError: it is none, or does not take the source's labels to our own.
    """
    file = run_folder / adaptation.FILE
    if workdir and (workdir / KEPT).is_file():
        file = workdir / KEPT
    found = adaptation.load(file)
    if found.scheme not in (None, source):
        raise UserError(
            f"The adapter {file} reads '{found.scheme.name}'; the source's"
            f" scheme is '{source.name}': set --config.data.scheme."
        )
    if own != schemes.get("ibug68"):
        raise UserError(
            f"An adapter makes the 68 iBug points; --config.data.adapter wants"
            f" --config.scheme=ibug68, got '{own.name}'."
        )
    return found


def keep(found: adaptation.Adapter, workdir: pathlib.Path) -> None:
    """Writes a run's source adapter into its folder, once in its life."""
    if not (workdir / KEPT).is_file():
        adaptation.save(found, workdir / KEPT)
