"""The weights that come with the project: what they are, and that they find faces.

With XLA's optimisations, as users have them; nearly all other tests go without.
"""

import pathlib
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from lmkjax import predict
from lmkjax.detect import detection, specs
from lmkjax.errors import UserError
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.training import averaged

pytestmark = pytest.mark.usefixtures("optimised")

SCHEMES = ("ibug68", "dense490")


@pytest.fixture(scope="module")
def drawn():
    """Faces that no training has drawn: of `gallery.keys(977, 0, 6)`, 128 px.

    Kept in a file, as compiling the renderer for six faces takes longer than all else.
    """
    with np.load(pathlib.Path(__file__).with_name("rendered.npz")) as kept:
        return kept["images"], kept["points"], kept["boxes"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_shipped_weights_are_small_and_of_renders_alone(scheme):
    folder = detection.shipped(scheme)
    assert specs.Spec.load(folder).scheme == schemes.get(scheme)
    assert specs.Spec.load(folder).trained_on == "faces rendered by lmkjax"
    files = [f for f in detection.WEIGHTS.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 20 * 2**20
    assert not [f for f in files if f.suffix not in (".json", ".npz", ".md")]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_shipped_weights_find_the_points_of_faces_they_never_saw(scheme, drawn):
    images, points, boxes = drawn
    detector = detection.Detector.from_checkpoint(detection.shipped(scheme))
    found = detector.find(list(images), boxes).points
    subset = schemes.get("dense490").subset68
    truth = np.asarray(points)[:, subset]
    own = found if scheme == "ibug68" else found[:, subset]
    eyes = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=-1)
    errors = 100 * np.linalg.norm(own - truth, axis=-1) / eyes[:, None]
    assert np.median(errors) < 5  # the mean face: about 20


def test_the_same_weights_answer_for_any_scheme_and_for_places_alone(drawn, tmp_path):
    """A user's own YAML, and points of the mean head, neither seen in training."""
    images, points, boxes = drawn
    detector = detection.Detector.from_checkpoint(detection.shipped())
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


def test_predict_needs_no_run(drawn, tmp_path, capsys):
    Image.fromarray(drawn[0][0]).save(tmp_path / "face.png")
    words = ["--images", str(tmp_path / "face.png"), "--out", str(tmp_path / "out")]
    assert predict.main(words) == 0
    assert "1 photos, dense490" in capsys.readouterr().out


def test_a_scheme_without_weights_of_its_own_is_asked_of_the_dense_ones():
    assert detection.shipped("ibug68").name == "ibug68"
    for scheme in (None, "dense490", "dense243"):
        assert detection.shipped(scheme).name == "dense490"
    assert jax.tree.leaves(averaged.load(detection.shipped()))


def renamed(weights):
    name = sorted(weights)[0]
    return {f"{n}_other" if n == name else n: x for n, x in weights.items()}


def narrower(weights):
    name = max(weights, key=lambda n: weights[n].size)
    return weights | {name: weights[name][..., :-1]}


def of_another_run(weights):
    with np.load(detection.shipped("dense490") / averaged.EXPORTED) as stored:
        return dict(stored)


@pytest.mark.parametrize("change", [renamed, narrower, of_another_run])
def test_weights_that_are_not_of_the_network_are_told(change, drawn, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(detection.shipped("ibug68"), run)
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
    detector = detection.Detector(detection.shipped("ibug68"))
    detector.find(list(images), boxes)
    assert len(optimised) > before and min(optimised) > 0  # 0 in the rest of the suite
