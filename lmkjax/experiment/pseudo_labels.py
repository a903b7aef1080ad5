"""Pseudo-labels: what a trained network says of faces, to teach another one with."""

import functools
import io
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from lmkjax import files, hosts
from lmkjax.data import geometric, streams
from lmkjax.detect import inference
from lmkjax.errors import UserError
from lmkjax.landmarks import points, schemes
from lmkjax.training import trouble
from lmkjax.types import Batch

FILE = "pseudo_labels.npz"
"""In the folder of the run that learns from them."""


def tell(
    run_folder: pathlib.Path,
    canvases: streams.Canvases,
    scheme: schemes.Scheme,
    *,
    batch: int = 64,
) -> np.ndarray:
    """The points that a run's averaged weights find, the mirrored picture averaged in.

    All of them: no face and no landmark is left out, however unsure.

    Args:
        run_folder: of that run.
        canvases: the faces; of their labels the box alone is read.
        scheme: whose landmarks.
        batch: faces at once.

    Returns:
        float32 [faces, k, 2], pixels of the canvases.

    Raises:
        UserError: the folder holds no trained run, or not one of this scheme.
    """
    spec, weights = inference.load(run_folder)
    asked = inference.asker(spec, scheme, flip=True)(weights)
    predict = functools.partial(inference.predictor(spec), weights, asked)
    found = []
    for faces in streams.test(canvases, batch=batch):
        seen = _cut(faces, framing=spec.framing, size=spec.input_px)
        back = points.inverse(seen.frame)
        found.append(np.asarray(points.apply(back, predict(seen.image).points)))
    return np.concatenate(found)[: len(canvases)]


def kept(
    workdir: pathlib.Path,
    run_folder: pathlib.Path,
    canvases: streams.Canvases,
    scheme: schemes.Scheme,
) -> np.ndarray:
    """As `tell`, once in the life of a run: its folder keeps them.

    A run that is taken up again so learns from the labels that it began with, also
    where the other run has gone on since. Of several processes the first one tells.

    Args:
        workdir: of the run that learns.
        run_folder: of the run that labels.
        canvases: the faces.
        scheme: whose landmarks.

    Raises:
        UserError: as `tell`; or what is kept there are labels of other faces.
    """
    file = workdir / FILE
    if hosts.lead() and not file.is_file():
        print(f"Labelling {len(canvases)} faces with {run_folder} ...", flush=True)
        packed = io.BytesIO()
        told = tell(run_folder, canvases, scheme)
        np.savez_compressed(packed, points=told, names=_names(canvases))
        files.write(file, packed.getvalue())
    hosts.wait("the faces are labelled")
    return _read(file, _names(canvases), scheme)


def _names(canvases: streams.Canvases) -> Sequence[str]:
    return np.array(canvases.source.names)


def _read(
    file: pathlib.Path, names: Sequence[str], scheme: schemes.Scheme
) -> np.ndarray:
    """The points in a file, of these faces in this order."""
    try:
        packed = io.BytesIO(file.read_bytes())
        with np.load(packed, allow_pickle=False) as stored:
            found, theirs = stored["points"], stored["names"]
        if not np.array_equal(theirs, names):
            raise ValueError(f"labels of {len(theirs)} other faces")
        if found.shape != (len(names), scheme.count, 2):
            raise ValueError(f"points {list(found.shape)}")
    except Exception as error:  # a damaged file makes NumPy and zlib raise anything
        raise UserError(
            f"Wanted in {file} the {scheme.count} points of each of {len(names)} faces"
            f" that this run learns from; got {trouble.short(error)}. Delete the file,"
            " and it is made anew."
        ) from error
    return found.astype(np.float32)


@functools.partial(jax.jit, static_argnames=("framing", "size"))
def _cut(faces: Batch, *, framing: points.Framing, size: int) -> Batch:
    """The faces as the network sees them, and how they came there."""
    frame = np.tile(np.eye(3, dtype=np.float32), (len(faces.mask), 1, 1))
    return geometric.centre(faces.replace(frame=frame), framing=framing, size=size)
