"""What stands beside the README agrees with the code; the top level is as laid out."""

import importlib.resources
import re
import subprocess
import tomllib

import pytest
import yaml

import lmkjax
from tests import programs

ROOT = programs.ROOT
TOP = {"pyproject.toml", "README.md", "LICENSE", "lmkjax", "configs", "data_builders"}
TOP |= {"tests", "launch", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"}


def test_the_top_level_holds_what_it_should():
    """What git knows of, hidden files aside."""
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("needs a clone: git knows nothing of this folder")
    found = {line.partition("/")[0] for line in done.stdout.splitlines()}
    assert {name for name in found if not name.startswith(".")} <= TOP


def test_the_version_is_the_same_wherever_it_stands():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["cff-version"] == "1.2.0" and cited["authors"] and cited["message"]
    assert cited["version"] == lmkjax.__version__
    newest = re.search(r"^## (\S+?),", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest[1] == lmkjax.__version__


def test_others_checkers_are_told_that_there_are_types():
    assert importlib.resources.files("lmkjax").joinpath("py.typed").is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    data = project["tool"]["setuptools"]["package-data"]["lmkjax"]
    kept = {file for pattern in data for file in (ROOT / "lmkjax").glob(pattern)}
    assert ROOT / "lmkjax/py.typed" in kept


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_a_document_points_at_is_there(name):
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)#:]+)[^)]*\)", text)
    assert not [link for link in links if not (ROOT / link).exists()]
    anchors = {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_the_first_screen_says_what_it_is_shows_it_and_whose_the_weights_are():
    """Three commands, a picture and the licence, before anything else."""
    screen = (ROOT / "README.md").read_text().split("\n## ")[0]
    assert len(screen.splitlines()) <= 30
    (commands,) = re.findall(r"```sh\n(.*?)```", screen, re.S)
    assert len(commands.splitlines()) == 3
    assert "](launch/pictures/" in screen and "free for any use" in screen
