"""The README's recipes run as they stand."""

import pathlib
import re
import shlex

import numpy as np
import pytest
from PIL import Image

from lmkjax import cli
from lmkjax.experiment import config_file, plan
from lmkjax.face.shape import head, marks
from lmkjax.landmarks import schemes

ROOT = pathlib.Path(__file__).parents[1]
SECTION = (ROOT / "README.md").read_text().split("\n## Recipes\n")[1].split("\n## ")[0]
FOUND = re.findall(r"^\*\*(.+?)\*\*(.*?)^```\w+\n(.*?)^```", SECTION, re.M | re.S)
RECIPES = {name: lines for name, _, lines in FOUND}
EXPRESSION = "Expression weights"
POINTS, SCHEME, TRAIN = (
    "Points on my photo",
    "My own scheme",
    "Train on my photos with 50 labels",
)


@pytest.fixture(scope="module")
def faces():
    """Rendered faces, their 68 points and their boxes."""
    with np.load(ROOT / "tests/detect/rendered.npz") as kept:
        points = kept["points"][:, schemes.get("dense490").subset68]
        return kept["images"], points, kept["boxes"]


@pytest.fixture
def here(tmp_path, monkeypatch, faces):
    """A folder with a photo, where a recipe is run."""
    Image.fromarray(faces[0][0]).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name):
    """The names of a recipe when it has run."""
    names = {}
    exec(RECIPES[name], names)
    return names


def test_there_are_the_recipes_that_people_ask_for_and_they_are_short():
    wanted = [POINTS, SCHEME, TRAIN, EXPRESSION, "Export", "A head of my own"]
    assert list(RECIPES) == wanted
    for name, lines in RECIPES.items():
        written = [line for line in lines.splitlines() if line]
        assert len(written) <= 15, name
        assert max(map(len, written)) <= 100 or "lmkjax train" in lines, name


def test_points_on_my_photo(here, faces, capsys):
    found = run(POINTS)["face"].points[schemes.get("dense490").subset68]
    truth = faces[1][0]
    eyes = np.linalg.norm(truth[36] - truth[45])
    # By its true box 0.05: the box that is found is its own points'.
    assert np.median(np.linalg.norm(found - truth, axis=-1)) < 0.08 * eyes
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 491 and lines[0].startswith("a face, ")
    assert all("sure to" in line for line in lines[1:])


def test_my_own_scheme(here):
    names = run(SCHEME)
    assert names["found"].points.shape == (1, 15, 2)
    assert len(names["places"]) == 2


def test_training_on_my_photos_is_a_run_that_can_be_built():
    """The command's config, as it is; tests/test_commands.py trains one like it."""
    train, predict = map(shlex.split, RECIPES[TRAIN].splitlines())
    words = train[train.index("--config") + 2 :]
    words = [word for word in words if word.startswith("--config.")]
    file = str(ROOT / train[train.index("--config") + 1])
    config = config_file.load_config(file, words, size="laptop")
    planned = plan.build(config)
    wanted = planned.faces
    assert (wanted.labelled, wanted.validation) == (50, 10) and wanted.to_train
    assert (planned.training.init_from / "network.json").is_file()
    assert predict[:4] == ["lmkjax", "predict", "--workdir", "runs/mine"]


def test_expression_weights(here, capsys):
    found = run(EXPRESSION)["found"]
    assert found.settled[0] and np.abs(found.pose_deg[0]).max() < 60
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 55 and told[0].startswith("browDown_L 0.")


def test_export(here):
    assert cli.dispatch(shlex.split(RECIPES["Export"])[1:]) == 0
    readme = (here / "landmarks/README.md").read_text()
    assert "[b, 490, 2]" in readme and (here / "landmarks/network.stablehlo").is_file()


def test_a_head_of_my_own(here, capsys):
    names = run("A head of my own")
    assert capsys.readouterr().out.startswith("(490, 3)")
    own = head.load()
    there = marks.anchors(schemes.get("dense490"), own).of(own.neutral)
    wide, high, deep = np.ptp(names["points"], axis=0) / np.ptp(there, axis=0)
    assert abs(wide - 1.1) < 0.02 and abs(high - 1) < 0.01 and abs(deep - 1) < 0.01
    head.check(names["mine"])
    np.testing.assert_array_equal(names["mine"].atlas, own.neutral)
