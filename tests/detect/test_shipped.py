"""The weights that come with the project: what they are, and that they find faces.

With XLA's optimisations, as users have them; nearly all other tests go without.
"""

import dataclasses
import pathlib
import shutil

import jax
import numpy as np
import pytest
from flax import traverse_util
from PIL import Image

from lmkjax import predict
from lmkjax.detect import detection, specs
from lmkjax.errors import UserError
from lmkjax.face.shape import marks
from lmkjax.images import quarters
from lmkjax.landmarks import schemes
from lmkjax.training import averaged

pytestmark = pytest.mark.usefixtures("optimised")


@pytest.fixture(scope="module")
def drawn():
    """Faces that no training has drawn: of `gallery.keys(977, 0, 6)`, 128 px.

    Kept in a file, as compiling the renderer for six faces takes longer than all else.
    """
    with np.load(pathlib.Path(__file__).with_name("rendered.npz")) as kept:
        return kept["images"], kept["points"], kept["boxes"]


@pytest.fixture(scope="module")
def detector():
    """The detector of the weights that ship, as a user has it."""
    return detection.Detector()


def test_one_network_ships_for_every_scheme_small_and_of_renders_alone():
    folder = detection.shipped()
    spec = specs.Spec.load(folder)
    assert spec.any_place and spec.confidence and spec.visibility
    assert spec.trained_on == "faces rendered by lmkjax"
    assert {f.parent for f in folder.parent.rglob(specs.FILE)} == {folder}
    files = [f for f in folder.parent.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 8e6
    assert not [f for f in files if f.suffix not in (".json", ".npz", ".md")]


@pytest.mark.parametrize("scheme", ["ibug68", "dense490"])
def test_shipped_weights_find_the_points_of_faces_they_never_saw(
    scheme, drawn, detector
):
    images, points, boxes = drawn
    found = detector.find(list(images), boxes, scheme=scheme).points
    subset = schemes.get("dense490").subset68
    truth = np.asarray(points)[:, subset]
    own = found if scheme == "ibug68" else found[:, subset]
    eyes = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=-1)
    errors = 100 * np.linalg.norm(own - truth, axis=-1) / eyes[:, None]
    assert np.median(errors) < 5  # the mean face: about 20


def test_a_detector_may_have_a_scheme_of_its_own(drawn, detector):
    images, _, boxes = drawn
    mine = detection.Detector(scheme="dense243")
    assert mine.scheme == "dense243"
    own = mine.find(list(images[:1]), boxes[:1]).points
    asked = detector.find(list(images[:1]), boxes[:1], scheme="dense243").points
    np.testing.assert_array_equal(own, asked)
    mine = detection.Detector(scheme=schemes.get("ibug68"))
    assert mine.scheme == "ibug68"
    with pytest.raises(UserError, match="Unknown scheme 'dense244'"):
        detection.Detector(scheme="dense244")


def test_the_same_weights_answer_for_any_scheme_and_for_places_alone(
    drawn, detector, tmp_path
):
    """A user's own YAML, and points of the mean head, neither seen in training."""
    images, points, boxes = drawn
    file = tmp_path / "mine.yaml"
    lines = "nose_bridge: 7\nforehead_high: 5\nright_iris: 4\nleft_iris: 4\n"
    tip = marks.places(schemes.get("ibug68")).xyz[30].round(4).tolist()
    file.write_text(f"{lines}points: {{tip: {tip}}}\n")
    mine = schemes.get(str(file))
    found = detector.find(list(images), boxes, scheme=str(file))
    assert found.points.shape == found.visibility.shape[:2] + (2,) == (6, 21, 2)
    np.testing.assert_allclose(found.points[:, 20], found.points[:, 6], atol=0.1)
    np.testing.assert_allclose(found.visibility.sum(-1), 1, atol=1e-4)

    skin = marks.places(mine).xyz[:12]
    alone = detector.find(list(images), boxes, scheme=skin)
    np.testing.assert_allclose(alone.points, found.points[:, :12], atol=1e-2)
    # The bridge's ends are iBug's 27 and 30, which the truth holds.
    truth = np.asarray(points)[:, schemes.get("dense490").subset68]
    eyes = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=-1)
    away = np.linalg.norm(found.points[:, [0, 6]] - truth[:, [27, 30]], axis=-1)
    assert np.median(100 * away / eyes[:, None]) < 5
    with pytest.raises(UserError, match=r"\[k, 3\]"):
        detector.find(list(images), boxes, scheme=skin[:, :2])
    with pytest.raises(UserError, match="80.0 cm away"):
        detector.find(list(images), boxes, scheme=np.full((1, 3), 80.0))


@pytest.mark.parametrize("turns", quarters.TURNS[1:])
def test_a_face_that_lies_or_stands_on_its_head_is_found_as_one_that_stands(
    turns, drawn, detector
):
    images, _, boxes = drawn
    photo = Image.new("RGB", (300, 200), (90, 110, 130))
    photo.paste(Image.fromarray(images[0]), (40, 30))
    other = quarters.picture(photo, turns)
    (here,), (there,) = detector(photo), detector(other)
    side = max(here.box[2:] - here.box[:2])
    turned = quarters.forth(here.points, photo.size, turns)
    np.testing.assert_allclose(there.points, turned, atol=0.03 * side)
    np.testing.assert_allclose(there.uncertainty, here.uncertainty, rtol=0.3)
    # By the box alone, and of a few points only.
    own = detector.find([other] * 2, [there.box] * 2, scheme="ibug68_surface").points
    upright = detector.find([photo], [here.box], scheme="ibug68_surface").points
    expected = quarters.forth(upright[0], photo.size, turns)
    np.testing.assert_allclose(own, [expected] * 2, atol=0.03 * side)


@pytest.mark.parametrize(
    ("words", "scheme"), [([], "dense490"), (["--scheme", "ibug68"], "ibug68")]
)
def test_predict_needs_no_run(words, scheme, drawn, tmp_path, capsys):
    Image.fromarray(drawn[0][0]).save(tmp_path / "face.png")
    own = ["--images", str(tmp_path / "face.png"), "--out", str(tmp_path / "out")]
    assert predict.main([*own, *words]) == 0
    assert f"1 photos, {scheme}" in capsys.readouterr().out


def renamed(weights):
    name = sorted(weights)[0]
    return {f"{n}_other" if n == name else n: x for n, x in weights.items()}


def narrower(weights):
    name = max(weights, key=lambda n: weights[n].size)
    return weights | {name: weights[name][..., :-1]}


def of_free_kernels(weights):
    """As of a run whose network has a kernel for each of 68 landmarks."""
    ours = specs.Spec.load(detection.shipped())
    free = dataclasses.replace(ours, scheme=schemes.get("ibug68"), kernels=specs.FREE)
    shapes = jax.eval_shape(free.start, jax.random.key(0))
    flat = traverse_util.flatten_dict(shapes, sep="/")
    return {name: np.zeros(leaf.shape, leaf.dtype) for name, leaf in flat.items()}


@pytest.mark.parametrize("change", [renamed, narrower, of_free_kernels])
def test_weights_that_are_not_of_the_network_are_told(change, drawn, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(detection.shipped(), run)
    with np.load(run / averaged.EXPORTED) as stored:
        weights = dict(stored)
    np.savez(run / averaged.EXPORTED, **change(weights))
    Image.fromarray(drawn[0][0]).save(tmp_path / "a.png")
    words = ["--images", str(tmp_path / "a.png"), "--out", str(tmp_path / "out")]
    with pytest.raises(UserError, match=f"weights in '{run}' are not.*network.json"):
        predict.main([*words, "--workdir", str(run)])
    assert not (tmp_path / "out").exists()


def test_all_that_finds_the_points_was_optimised(drawn, optimised):
    images, _, boxes = drawn
    before = len(optimised)
    jax.clear_caches()
    detection.Detector().find(list(images), boxes, scheme="ibug68")
    assert len(optimised) > before and min(optimised) > 0  # 0 in the rest of the suite
