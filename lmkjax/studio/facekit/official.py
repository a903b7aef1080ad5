"""FaceKit as its makers publish it: the official folder, or all of it in one .npz."""

import dataclasses
import json
import pathlib

import numpy as np

from lmkjax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Source:
    """The whole head; modes are displacements in cm.

    Attributes:
        vertices: [v 3]; polygons and polygon_uv: [p 4], -1 where a triangle has no
            fourth corner; uv: [u 2]; material: [p] names; identity: [i v 3];
        expression: the official shapes [v 3] by name; ibug68: vertices [68].
    """

    vertices: np.ndarray
    polygons: np.ndarray
    polygon_uv: np.ndarray
    uv: np.ndarray
    material: np.ndarray
    identity: np.ndarray
    expression: dict[str, np.ndarray]
    ibug68: np.ndarray


def read(path: pathlib.Path) -> Source:
    """FaceKit from the official folder, or from one .npz that holds all of it.

    Raises:
        UserError: the path is neither.
    """
    if path.suffix == ".npz" and path.is_file():
        return _read_npz(path)
    if (path / "generic_neutral_mesh.obj").is_file():
        return _read_folder(path)
    raise UserError(
        f"Wanted FaceKit's FaceXModel folder (generic_neutral_mesh.obj, identity*.obj, "
        f"one .obj per expression, vertex_indices.json); found none at {path}."
    )


def _read_npz(path):
    data = np.load(path, allow_pickle=False)
    steps = data["expression_scale"][:, None, None].astype(np.float32)
    expression = dict(
        zip(data["expression_names"].tolist(), data["expression"] * steps, strict=True)
    )
    return Source(
        data["vertices"],
        data["polygons"],
        data["polygon_uv"],
        data["uv"],
        data["material_names"][data["material"]],
        data["identity"] * data["identity_scale"][:, None, None],
        {n: expression[n] for n in data["official_expressions"].tolist()},
        data["ibug68"],
    )


def _read_folder(folder):
    numbers = json.loads((folder / "vertex_indices.json").read_text())
    vertices, uv, polygons, polygon_uv, material = [], [], [], [], []
    name = ""
    for line in (folder / "generic_neutral_mesh.obj").read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in rest[:3]])
        elif kind == "vt":
            uv.append([float(x) for x in rest[:2]])
        elif kind == "usemtl":
            name = rest[0]
        elif kind == "f":
            corners = [[int(n) for n in c.split("/")[:2]] for c in rest]
            corners += [[0, 0]] * (4 - len(corners))  # .obj counts from 1
            polygons.append([c[0] - 1 for c in corners])
            polygon_uv.append([c[1] - 1 for c in corners])
            material.append(name)
    vertices = np.array(vertices, np.float32)

    def displacement(file):
        lines = file.read_text().splitlines()
        rows = [line.split()[1:4] for line in lines if line.startswith("v ")]
        return np.array(rows, np.float32) - vertices

    return Source(
        vertices,
        np.array(polygons),
        np.array(polygon_uv),
        np.array(uv, np.float32),
        np.array(material),
        np.array([displacement(f) for f in sorted(folder.glob("identity*.obj"))]),
        {
            n: displacement(folder / f"{n}.obj")
            for n in numbers["expressions"]
            if (folder / f"{n}.obj").is_file()
        },
        np.array(numbers["idx_to_landmark_verts"]),
    )
