"""Fitted heads as files: what is told of each, and its mesh as .obj and .glb."""

import json
import pathlib
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import trimesh

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.face.shape import head as heads
from lmkjax.fitting import fits
from lmkjax.landmarks import schemes

FILE, FOLDER = "heads.json", "heads"
METRES = 0.01
"""A centimetre, in glTF's unit."""


def write(
    folder: pathlib.Path,
    entries: Iterable[tuple[str, dict[str, Any]]],
    scheme: schemes.Scheme,
) -> tuple[int, list[str]]:
    """Fits a head to each face of `points.json`, and writes all of them.

    `heads.json` has for each photo a list of its faces' heads, in the order of
    `points.json`; see `fits.summary`. Meshes are in the head's own axes, the .obj in
    centimetres, the .glb in metres.

    Args:
        folder: with the photos' `points.json`; what an earlier call wrote goes.
        entries: each photo's name and what `points.json` says of it.
        scheme: of the points.

    Returns:
        How many faces there are, and the names of photos with a face whose fit has
        not settled.
    """
    home = folder / FOLDER
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    count, loose, first = 0, [], True
    with (folder / FILE).open("w", encoding="utf-8") as stream:
        for name, faces in _photos(entries, scheme):
            told = [_tell(home, file, fitted) for file, fitted in faces]
            begin = "{" if first else ",\n"
            stream.write(begin + json.dumps(name) + ": ")
            stream.write(json.dumps(told, allow_nan=False))
            loose += [name] if not all(one["settled"] for one in told) else []
            count, first = count + len(told), False
        stream.write("{}\n" if first else "}\n")
    return count, loose


def _photos(entries, scheme) -> Iterator[tuple[str, list[tuple[str, fits.Heads]]]]:
    """Each photo with its faces' file names and heads, fitted many at a time."""
    group, faces = [], 0
    for name, entry in entries:
        own = entry["faces"] if "faces" in entry else [entry]
        group.append((name, pathlib.PurePosixPath(entry["overlay"]).stem, own))
        faces += len(own)
        if faces >= fits.BATCH:
            yield from _together(group, scheme)
            group, faces = [], 0
    yield from _together(group, scheme)


def _together(group, scheme):
    every = [face for _, _, own in group for face in own]
    fitted = _fit(every, scheme) if every else None
    done = 0
    for name, stem, own in group:
        found = []
        for number in range(len(own)):
            file = stem if len(own) == 1 else f"{stem}-{number + 1}"
            row = slice(done + number, done + number + 1)
            found.append((file, fits.Heads(*(part[row] for part in fitted))))
        done += len(own)
        yield name, found


def _fit(faces, scheme):
    points, unsure = (
        np.array([face[part] for face in faces], np.float32)
        for part in ("points", "uncertainty")
    )
    seen = None
    if all("visibility" in face for face in faces):
        seen = np.array([face["visibility"] for face in faces], np.float32)
    return fits.fit(points, unsure, scheme, visibility=seen)


def _tell(home: pathlib.Path, file: str, fitted: fits.Heads) -> dict[str, Any]:
    """What is told of one head, whose meshes are written if there are any."""
    told = fits.summary(fitted, 0)
    if "pose_deg" not in told:
        return told
    for kind, content in meshes(fitted.vertices()[0]).items():
        files.write(home / f"{file}.{kind}", content)
    mesh = [f"{home.name}/{file}.{kind}" for kind in ("obj", "glb")]
    return told | {"mesh": mesh}


def meshes(vertices: np.ndarray) -> dict[str, str | bytes]:
    """A head's mesh as the content of an .obj and of a .glb file.

    Args:
        vertices: of the project's head [v 3], cm.

    Raises:
        UserError: they are not as many.
    """
    own = heads.load()
    if np.shape(vertices) != own.neutral.shape:
        raise UserError(
            f"Wanted a head's vertices {list(own.neutral.shape)}; got"
            f" {list(np.shape(vertices))}."
        )
    plain = trimesh.Trimesh(vertices, own.triangles, process=False)
    metres = trimesh.Trimesh(vertices * METRES, own.triangles, process=False)
    return {
        "obj": plain.export(file_type="obj"),
        "glb": metres.export(file_type="glb"),
    }
