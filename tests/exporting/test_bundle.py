"""An exported folder tells how it is used: its own lines give the detector's points."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from lmkjax import export
from lmkjax.detect import answers, detection
from lmkjax.errors import UserError
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.training import averaged
from tests.exporting import conftest

LINES = re.compile(r"```python\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def run(network, tmp_path_factory):
    """The network in a folder of its own, as predict takes it."""
    folder = tmp_path_factory.mktemp("run")
    spec, weights = network
    spec.save(folder)
    averaged.save(weights, folder / averaged.EXPORTED)
    return folder


def photo():
    """A smooth picture of nothing, smaller than its box's square."""
    small = np.random.default_rng(2).integers(0, 255, (9, 8, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((175, 190), Image.BICUBIC)


def lines_of(folder):
    """The one program in a folder's README."""
    (lines,) = LINES.findall((folder / "README.md").read_text())
    assert len([line for line in lines.splitlines() if line]) <= 20
    return lines


def ran(folder, monkeypatch):
    """What the names of the lines stand for when they have run."""
    photo().save(folder / "photo.png")
    monkeypatch.chdir(folder)
    names = {}
    exec(lines_of(folder), names)
    return names


def ours(network, box, scheme):
    """What the detector says of the photo."""
    spec, weights = network
    detector = detection.Detector.around(
        answers.Predictor(spec, weights, None, flip=False),
        scheme=spec.scheme,
        input_px=spec.input_px,
        framing=spec.framing,
    )
    return detector.find([photo()], [box], scheme=scheme)


def test_the_lines_in_the_readme_find_the_detectors_points(
    form, network, run, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    words = ["--workdir", str(run), "--to", form, "--out", str(out)]
    assert export.main(words) == 0
    assert f"network.{form}" in capsys.readouterr().out
    names = ran(out, monkeypatch)
    found = ours(network, names["box"], "ibug68")
    np.testing.assert_allclose(names["points"], found.points[0], atol=0.05)
    np.testing.assert_allclose(names["uncertainty"], found.uncertainty[0], atol=0.05)
    np.testing.assert_allclose(names["said"][2][0], found.visibility[0], atol=1e-3)
    about = json.loads((out / "about.json").read_text())
    assert about["scheme"] == "ibug68" and about["trained_on"] == "nothing"
    assert (
        "ICT" in (out / "NOTICE").read_text() or "MIT" in (out / "NOTICE").read_text()
    )


@pytest.mark.parametrize("form", ["onnx", "stablehlo"])
def test_places_lie_beside_a_network_that_takes_them(
    form, network, run, tmp_path, monkeypatch
):
    conftest.want(form)
    out, mine = tmp_path / "out", tmp_path / "mine.yaml"
    mine.write_text("nose_bridge: 5\nright_iris: 4\nleft_iris: 4\n")
    words = ["--workdir", str(run), "--to", form, "--out", str(out)]
    assert export.main([*words, "--places-as-input", "--scheme", str(mine)]) == 0
    wanted = marks.places(schemes.get(str(mine)))
    for name in ("xyz", "part", "share"):
        kept = np.load(out / f"{name}.npy")
        np.testing.assert_array_equal(kept, getattr(wanted, name))
    names = ran(out, monkeypatch)
    found = ours(network, names["box"], schemes.get(str(mine)))
    assert names["points"].shape == (13, 2)
    np.testing.assert_allclose(names["points"], found.points[0], atol=0.05)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--to onx", "choose from"),
        ("--scheme ibug68", "answers in any scheme"),
        ("--places-as-input", "answers in any scheme"),
        ("--to stablehlo --adapter", "is not there"),
        ("--to stablehlo --adapter --places-as-input", "no scheme"),
        ("--to stablehlo --scheme dens490", "dens490"),
        ("--to stablehlo --best", "validation"),
    ],
)
def test_what_cannot_be_exported_is_told_and_leaves_nothing(words, told, run, tmp_path):
    with pytest.raises(UserError, match=told):
        words = [*words.split(), "--workdir", str(run)]
        export.main([*words, "--out", str(tmp_path / "out")])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_kept(run, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for words in (["--workdir", str(run)], ["--places-as-input"]):
        with pytest.raises(UserError, match="there already"):
            export.main([*words, "--to", "stablehlo", "--out", str(tmp_path)])
    assert [f.name for f in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(UserError, match="trained run"):
        words = ["--workdir", str(tmp_path / "none"), "--to", "stablehlo"]
        export.main([*words, "--out", str(tmp_path / "out")])
