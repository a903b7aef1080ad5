"""What stands beside the README agrees with the code; the top level is as laid out."""

import importlib
import importlib.resources
import pathlib
import re
import shlex
import subprocess
import tomllib

import pytest
import yaml

import lmkjax
from lmkjax import cli
from lmkjax.experiment import config_file, ranges
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


DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(
    file
    for folder in ("lmkjax", "launch", "data_builders")
    for file in (ROOT / folder).rglob("*.md")
)
NAMES = [str(file.relative_to(ROOT)) for file in DOCUMENTS]


def anchors(file):
    """What a link may name behind `#`."""
    return {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", file.read_text(), re.M)
    }


@pytest.mark.parametrize("name", NAMES)
def test_what_a_document_points_at_is_there(name):
    file, missing = ROOT / name, []
    for link in re.findall(r"\]\(([^):]+)\)", file.read_text()):
        path, _, anchor = link.partition("#")
        there = file.parent / path if path else file
        if not there.exists() or (anchor and anchor not in anchors(there)):
            missing.append(link)
    assert not missing


class Understood(Exception):
    """A command's flags have been read."""


@pytest.fixture
def read_only(monkeypatch):
    """Commands end as soon as their flags are read."""
    plain, within = cli.Parser.parse_known_args, []

    def parse(self, args=None, namespace=None):
        within.append(self)
        try:
            found = plain(self, args, namespace)
        finally:
            within.pop()
        if within:  # of a command's own word, as DATASET
            return found
        raise Understood(*found)

    monkeypatch.setattr(cli.Parser, "parse_known_args", parse)


OURS = r"\s*([\w./-]*/)?(lmkjax [a-z]+ |python[\d.]* -m (?!venv|pytest))"


def commands(text):
    """The module and the flags of each command of ours that a document shows."""
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split("&&|;", line):
            if not re.match(OURS, part):
                continue
            program, *words = shlex.split(part, comments=True)
            if pathlib.Path(program).name == "lmkjax" and words[0] in cli.VERBS:
                yield f"lmkjax.{words[0]}", words[1:]
            elif words[0] == "-m":
                yield words[1], words[2:]


@pytest.mark.parametrize("name", NAMES)
def test_a_documents_commands_are_understood(name, read_only):
    """Their flags are there, and so are the fields of configs, with such values."""
    for module, words in commands((ROOT / name).read_text()):
        found = importlib.import_module(module)
        if not hasattr(found, "main"):
            found = importlib.import_module(f"{module}.__main__")
        with pytest.raises(Understood) as understood:
            found.main(words)
        if module == "lmkjax.train":
            options, fields = understood.value.args
            file = str(ROOT / options.config)
            ranges.check(config_file.load_config(file, fields, size="laptop"))


def test_there_are_commands_to_understand():
    text = "lmkjax train --a 1  # so\n  x/lmkjax predict \\\n --b\nlmkjax teaches it\n"
    both = [("lmkjax.train", ["--a", "1"]), ("lmkjax.predict", ["--b"])]
    assert list(commands(text)) == both
    assert len(list(commands((ROOT / "README.md").read_text()))) > 15


def test_the_first_screen_says_what_it_is_shows_it_and_whose_the_weights_are():
    """Three commands, a picture and the licence, before anything else."""
    screen = (ROOT / "README.md").read_text().split("\n## ")[0]
    assert len(screen.splitlines()) <= 30
    (commands,) = re.findall(r"```sh\n(.*?)```", screen, re.S)
    assert len(commands.splitlines()) == 3
    assert "](launch/pictures/" in screen and "free for any use" in screen
