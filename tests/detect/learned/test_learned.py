"""Places learned from labels: found again where they were, and bad labels refused."""

import json
import types

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from PIL import Image

from lmkjax.detect.learned import __main__ as program
from lmkjax.detect.learned import fitting, labelled
from lmkjax.errors import UserError
from lmkjax.face.shape import marks
from lmkjax.landmarks import points, schemes
from tests.programs import ROOT

BEGIN = schemes.get("ibug68_surface")
OWN = marks.places(BEGIN)
SIDE, CELLS = 64, 16


class Flat(nn.Module):
    """A network of faces that all look straight ahead: a place is seen at x, -y.

    Its features are the faces' sizes; a map is a bump where the place is.
    """

    def __call__(self, images):
        size = images.mean((1, 2))[:, None, None, :1] * jnp.ones((1, CELLS, CELLS, 1))
        return types.SimpleNamespace(features=[size])

    def kernels(self, places):
        return places.xyz[None]

    def maps(self, features, kernels):
        size = features[:, 0, 0, 0]
        at = kernels[None, :, :2] * jnp.array([[[1, -1]]]) * 0.6 * size[:, None, None]
        at = at + CELLS / 2
        grid = (jnp.arange(CELLS) + 0.5)[None, None]
        across, down = (-jnp.square(grid - at[..., i, None]) for i in (0, 1))
        return jnp.moveaxis(down[..., :, None] + across[..., None, :], 1, -1)


@pytest.fixture
def faces():
    """Labels of places that lie aside of those that one begins with."""
    spec = types.SimpleNamespace(
        any_place=True,
        module=Flat,
        input_px=SIDE,
        framing=points.Framing(1.5),
        decoder="soft_argmax",
    )
    shift = np.zeros_like(OWN.xyz)
    shift[36:48] = [0.0, 0.3, 0.0]
    shift[18:26, 0] = 0.2 * np.sign(OWN.xyz[18:26, 0])  # brows, outwards
    found = []
    for size in (0.8, 1.0):
        image = Image.new("RGB", (200, 200), (round(255 * size),) * 3)
        seen = (OWN.xyz + shift)[:, :2] * [1, -1]
        found.append(labelled.Face("a", image, np.float32(100 + 5 * seen)))
    return spec, found, shift


def test_places_are_found_again_where_the_labels_are(faces, monkeypatch):
    spec, faces, shift = faces

    def cut(spec, faces, subset):
        images = np.stack([np.asarray(f.image)[:SIDE, :SIDE] / 255 for f in faces])
        size = images[:, :1, 0, :1]
        seen = (OWN.xyz + shift)[:, :2] * [1, -1] * 0.6 * size + CELLS / 2
        return jnp.float32(images), jnp.float32(seen * SIDE / CELLS)

    monkeypatch.setattr(fitting, "_cut", cut)
    found = fitting.fit(spec, {}, faces, BEGIN, name="theirs", steps=200)
    told = np.array([place for _, place in found.scheme.points])
    moved = (told - OWN.xyz)[:, :2]
    np.testing.assert_allclose(moved[36:48], shift[36:48, :2], atol=0.12)
    np.testing.assert_allclose(moved[18:26], shift[18:26, :2], atol=0.12)
    still = np.delete(np.arange(68), np.r_[18:26, 36:48])
    assert np.abs(moved[still]).max() < 0.1
    assert 0.05 < found.moved_cm < 0.3
    assert found.scheme.count == 68 and not found.scheme.lone
    again = schemes.read(fitting.text(found.scheme), name="theirs", where="here")
    assert again == found.scheme


def test_the_builders_file_holds_the_makers_70_points():
    file = ROOT / "data_builders/face_synthetics/face_synthetics70.yaml"
    own = schemes.load(file)
    fitting.check(own)
    assert own.count == 70 and own.contour == "surface" and not own.lone
    assert own.mirror[68] == 69
    xyz = marks.places(own).xyz
    middles = marks.places(schemes.get("dense490"))
    names = np.array(schemes.get("dense490").names)
    for number, side in ((68, "right"), (69, "left")):
        ring = middles.xyz[names == f"{side}_pupil"].mean(0)
        assert np.linalg.norm(xyz[number] - ring) < 0.1


@pytest.mark.parametrize(
    ("scheme", "words"),
    [("ibug68", "outline that a camera sees"), ("a: {chin: 3}", "holds the 68")],
)
def test_a_scheme_that_cannot_be_begun_with_is_refused(scheme, words):
    with pytest.raises(UserError, match=words):
        fitting.check(schemes.get(scheme))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"any_place": False}, "speaks its own scheme alone"),
        ({"decoder": "dark_of_heights"}, "draws heatmaps.*trained with 'points'"),
    ],
)
def test_a_network_along_whose_maps_no_place_moves_is_refused(faces, change, words):
    spec, own, _ = faces
    vars(spec).update(change)
    with pytest.raises(UserError, match=words):
        fitting.fit(spec, {}, own, BEGIN, name="theirs", steps=1)


@pytest.fixture
def folder(tmp_path):
    """Three faces as FaceSynthetics has them, of 3 points."""
    for number in range(3):
        Image.new("RGB", (9, 9)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}_ldmks.txt").write_text(f"1 2\n3 4\n5 {number}\n")
    Image.new("L", (9, 9)).save(tmp_path / "0_seg.png")  # has no labels, and is none
    return tmp_path


def read(folder, most=9):
    return labelled.read(folder, count=3, most=most, seed=0)


def test_labels_are_read_as_others_write_them(folder):
    faces = read(folder)
    assert [face.name for face in faces] == ["0.png", "1.png", "2.png"]
    np.testing.assert_array_equal(faces[2].points, [[1, 2], [3, 4], [5, 2]])
    assert len(read(folder, most=2)) == 2
    told = {"1.png": [[1.5, 2], [3, 4], [5, 6]]}
    (folder / "points.json").write_text(json.dumps(told))
    (face,) = read(folder)
    np.testing.assert_array_equal(face.points, told["1.png"])


def test_endings_are_read_in_capitals_and_notes_of_macos_are_no_labels(folder):
    (folder / "1_ldmks.txt").rename(folder / "1.PTS")
    (folder / "2_ldmks.txt").rename(folder / "2_ldmks.TXT")
    for name in ("0.png", "0_ldmks.txt", "1.pts"):
        (folder / f"._{name}").write_bytes(b"\0\5\x16\7")
    faces = read(folder)
    assert [face.name for face in faces] == ["0.png", "1.png", "2.png"]
    np.testing.assert_array_equal(faces[1].points, [[0.5, 1.5], [2.5, 3.5], [4.5, 0.5]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: (d / "1_ldmks.txt").write_text("1 2\n"), "1_ldmks.txt.*wanted 3"),
        (lambda d: (d / "points.json").write_text('{"a": [[1, 2]]}'), "'a' wants 3"),
        (lambda d: (d / "points.json").write_text('{"a": null}'), "'a' wants 3"),
        (
            lambda d: (d / "points.json").write_text(
                '{"none.png": [[1, 2], [3, 4], [5, 6]]}'
            ),
            "none.png",
        ),
        (
            lambda d: (d / "points.json").write_text(
                '{"1.png": [[1, 2], [-1, -1], [5, 6]]}'
            ),
            "'1.png': point 1 .*nobody marked",
        ),
        (lambda d: [f.unlink() for f in d.glob("*.txt")], "found none"),
    ],
)
def test_bad_labels_are_told(folder, change, words):
    change(folder)
    with pytest.raises(UserError, match=words):
        read(folder)


def test_faces_are_held_out_by_chance_and_one_is_left_to_learn_from(folder):
    faces = read(folder)
    train, held = labelled.part(faces, held_out=None, seed=0)
    assert len(train) == 2 and len(held) == 1
    assert labelled.part(faces, held_out=2, seed=1)[1] != held
    with pytest.raises(UserError, match="hold 3 faces out; there are 3"):
        labelled.part(faces, held_out=3, seed=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--out": "a.txt"}, "name of a .yaml"),
        ({"--begin": "ibug68"}, "outline that a camera sees"),
        ({"--data": "nowhere"}, "wanted a folder"),
        ({"--steps": "0"}, "1 or more"),
        ({"--seed": "-1"}, "--seed wants 0 to"),
        ({"--seed": "4294967296"}, "--seed wants 0 to"),
    ],
)
def test_a_wrong_command_is_refused_before_anything_is_written(
    folder, tmp_path, change, words
):
    flags = {"--data": str(folder), "--begin": "ibug68_surface"}
    flags |= {"--out": str(tmp_path / "a.yaml")} | change
    with pytest.raises(UserError, match=words):
        program.main([word for pair in flags.items() for word in pair])
    assert not (tmp_path / "a.yaml").exists()


def test_the_command_learns_with_the_weights_that_come_along(tmp_path, capsys):
    seen = (OWN.xyz[:, :2] * [2, -2] + 32).round(1).tolist()
    names = [f"{number}.png" for number in range(3)]
    for name in names:
        Image.new("RGB", (64, 64), (90, 70, 60)).save(tmp_path / name)
    (tmp_path / "points.json").write_text(json.dumps(dict.fromkeys(names, seen)))
    out = tmp_path / "theirs.yaml"
    flags = ["--data", str(tmp_path), "--begin", "ibug68_surface", "--out", str(out)]
    assert program.main([*flags, "--steps", "2", "--held-out", "1"]) == 0
    told = capsys.readouterr().out
    assert "learned from 2 faces" in told and "On 1 held out: ocular NME" in told
    assert schemes.load(out).count == 68 and out.read_text().startswith("# Learned by")
