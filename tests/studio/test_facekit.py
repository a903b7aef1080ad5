"""The compact head: read from the makers' own files, simplified without moving."""

import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.face.shape import head as heads
from lmkjax.studio.facekit import __main__ as command
from lmkjax.studio.facekit import compact, decimate, official

HEAD = heads.load()


def grid(n):
    """A bumpy n x n sheet of vertices, as two poses and triangles."""
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    flat = np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3).astype(float)
    bent = flat + [0, 0, 1] * (np.abs(flat[:, :1] - n // 2) < 0.5)  # a ridge
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    triangles = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + n + 1], 1),
            np.stack([corner, corner + n + 1, corner + n], 1),
        ]
    )
    return np.array([flat, bent]), triangles


def test_simplifying_keeps_the_rim_the_locked_and_a_ridge_of_another_pose():
    poses, triangles = grid(9)
    locked = np.zeros(81, bool)
    locked[30] = True
    mesh = decimate.Decimator(poses, triangles, triangles, np.ones(81), locked, [])
    mesh.reduce(40)
    left = mesh.triangles[mesh.triangles[:, 0] >= 0]
    assert len(left) <= 40
    assert 30 in left
    a, b, c = np.moveaxis(poses[:, left], 2, 0)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=-1).sum(-1) / 2
    full = np.moveaxis(poses[:, triangles], 2, 0)
    expected = np.linalg.norm(np.cross(full[1] - full[0], full[2] - full[0]), axis=-1)
    np.testing.assert_allclose(areas, expected.sum(-1) / 2, rtol=1e-6)


def test_simplifying_does_not_cross_a_seam():
    poses, triangles = grid(7)
    wedges = triangles + 100 * (triangles.min(1, keepdims=True) % 7 >= 3)
    mesh = decimate.Decimator(
        poses, triangles, wedges, np.ones(49), np.zeros(49, bool), []
    )
    mesh.reduce(20)
    real = mesh.triangles[:, 0] >= 0
    np.testing.assert_array_equal(mesh.wedges[real] % 100, mesh.triangles[real] % 100)
    assert (np.ptp(mesh.wedges[real] // 100, axis=1) == 0).all()


def test_the_face_is_one_closed_surface_but_for_its_openings():
    face = HEAD.triangles[HEAD.part == HEAD.part_names.index("face")]
    edges = np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges)  # each way at most once
    both = np.unique(np.sort(edges, 1), axis=0)
    count = len(np.unique(face)) - len(both) + len(face)
    assert count == -2  # a sphere (2) less mouth, two eyes and the neck


def test_the_official_points_are_among_the_vertices(shared):
    source = official.read(shared / "data/ict_facekit/facekit.npz")
    found = HEAD.neutral[HEAD.ibug68]
    np.testing.assert_allclose(found, source.vertices[source.ibug68], atol=0.01)
    jaw = source.expression["jawOpen"][source.ibug68]
    ours = HEAD.expression[HEAD.expression_names.index("jawOpen")][HEAD.ibug68]
    np.testing.assert_allclose(ours, jaw, atol=0.02)


def test_the_official_folder_reads_as_the_archive_does(shared):
    folder = official.read(shared / "data/ict_facekit/original")
    archive = official.read(shared / "data/ict_facekit/facekit.npz")
    np.testing.assert_allclose(folder.vertices, archive.vertices, atol=1e-5)
    np.testing.assert_array_equal(folder.polygons, archive.polygons)
    np.testing.assert_array_equal(folder.material, archive.material)
    np.testing.assert_array_equal(folder.ibug68, archive.ibug68)
    np.testing.assert_allclose(
        folder.uv[folder.polygon_uv], archive.uv[archive.polygon_uv], atol=1e-5
    )
    np.testing.assert_allclose(folder.identity, archive.identity[:2], atol=1e-4)
    for name, shape in folder.expression.items():
        np.testing.assert_allclose(shape, archive.expression[name], atol=1e-4)
    assert set(folder.expression) == {"jawOpen", "mouthSmile_L"}


def test_a_folder_without_facekit_is_refused_by_name(tmp_path):
    with pytest.raises(UserError, match=f"generic_neutral_mesh.*{tmp_path.name}"):
        official.read(tmp_path)


def test_the_command_refuses_a_folder_with_too_few_shapes(shared, tmp_path):
    source, out = shared / "data/ict_facekit/original", tmp_path / "head.npz"
    with pytest.raises(UserError, match="53 expressions.*2 and 2"):
        command.main(["--source", str(source), "--out", str(out)])
    assert not out.exists()


def test_the_command_makes_the_head_that_ships(shared, tmp_path):
    source, out = shared / "data/ict_facekit/facekit.npz", tmp_path / "head.npz"
    command.main(["--source", str(source), "--out", str(out)])
    made, ships = np.load(out), np.load(heads.ASSETS / "head.npz")
    assert set(made) == set(ships)
    for name in ships:
        np.testing.assert_array_equal(made[name], ships[name], err_msg=name)


def test_the_command_makes_a_head_of_the_samples(shared, tmp_path):
    """From the makers' own .obj files, two modes and two expressions of them."""
    folder, out = shared / "data/ict_facekit/original", tmp_path / "head.npz"
    command.main(["--source", str(folder), "--out", str(out), "--partial"])
    made, source = np.load(out), official.read(folder)
    assert made["expression_names"].tolist() == ["jawOpen"]  # half a smile is none
    own = made["source"] >= 0
    ids = made["source"][own]
    # The makers' halves differ by up to half a millimetre; the mean of both is kept.
    names = made["part_names"].tolist()
    inside = np.isin(made["part"], [names.index("gums"), names.index("teeth")])
    wanted = source.vertices.copy()
    wanted[made["source"][made["triangles"][inside]], 2] -= compact.BEHIND_CM
    gap = np.linalg.norm(made["vertices"][own] - wanted[ids], axis=1)
    assert gap.max() < 0.06 and len(ids) > 4000
    np.testing.assert_array_equal(source.ibug68, made["source"][made["ibug68"]])
    jaw = made["expression"][0, own] * made["expression_step"]
    skin = made["chart"][own, 0] >= 0
    gap = np.linalg.norm(jaw - source.expression["jawOpen"][ids], axis=1)[skin]
    assert gap.max() < 0.1 and np.abs(jaw).max() > 2
    for mode, official_mode in zip(made["identity"], source.identity, strict=True):
        gap = np.abs(mode[own] * made["identity_step"] - official_mode[ids]).max()
        assert gap < 0.02
