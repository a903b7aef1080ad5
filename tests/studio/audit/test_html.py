"""The report's page and lines: verdicts are told as they are, nothing from outside."""

import re

import numpy as np
import pytest

from lmkjax.studio.audit import charts, html, laws, population, sharpness

KEPT = laws.Law("a < b", 1.0, 2.0, "cm", note="What <i>was</i> measured.")
BROKEN = laws.Law("points lie", 97.654, 99.0, "%", least=True)
CRISP = sharpness.Sharpness(7, np.full((3, 7), -1.25))
ALONE = sharpness.Comparison(CRISP, None)
BOTH = sharpness.Comparison(CRISP, sharpness.Sharpness(3, CRISP.power - 1))
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def shapes():
    rng = np.random.default_rng(0)
    mean = 100 * rng.normal(size=(1, 68, 2))
    return mean + rng.normal(size=(9, 68, 2))


@pytest.fixture
def undrawn(monkeypatch):
    """Pages in no time."""
    for name in ("means", "components", "poses", "sharp"):
        monkeypatch.setattr(charts, name, lambda found: PNG)


def made(found):
    sharp = BOTH if found.real else ALONE
    return html.write([KEPT, BROKEN], found, sharp, faces=PNG, origin={"seed": "<7>"})


def test_a_broken_law_is_told(shapes, undrawn):
    found = population.compare(shapes, shapes[:5])
    first, second, *_ = html.lines([KEPT, BROKEN], found, BOTH)
    assert first == "passed     a < b: 1 cm, at most 2"
    assert second == "NOT PASSED points lie: 97.65 %, at least 99"
    text = made(found)
    assert "1 of 2 laws hold; 5 of 5 groups" in text
    assert "a &lt; b" in text and "&lt;7&gt;" in text
    assert "turned by the prior large_poses" in text  # see survey.write
    assert "the square of 1.35 times the longer side" in text
    assert text.count('class="no"') == 1 and text.count('class="yes"') == 1 + 5


def test_a_group_too_far_away_is_told(shapes):
    moved = shapes.copy()
    moved[:, population.GROUPS["lips"]] += [0, 30]
    found = population.compare(moved, shapes)
    lines = [line for line in html.lines([], found, BOTH) if "lips" in line]
    assert lines[0].startswith("NOT PASSED lips: means ")
    assert f"{found.apart['lips']:.2f} % apart" in lines[0]


def test_without_real_faces_it_says_how_to_get_them(shapes, undrawn):
    found = population.compare(shapes)
    lines = html.lines([], found, ALONE)
    assert lines[-1] == html.ASK and "--ibug-300w FOLDER" in html.ASK
    assert "--ibug-300w FOLDER" in made(found)
    assert not any("passed" in line.lower() for line in lines)
    assert "groups" not in made(found)


@pytest.mark.parametrize("real", [True, False])
def test_every_picture_is_in_the_page(real, shapes):
    found = population.compare(shapes, shapes[:5] if real else None)
    text = made(found)
    assert not re.findall(r"https?:|<script|<link|url\(", text)
    sources = re.findall(r'src="([^"]{20})', text)
    assert len(sources) == 5
    assert all(source.startswith("data:image/png;base") for source in sources)


def test_sharpness_is_told_of_both_kinds(shapes):
    found = population.compare(shapes, shapes[:5])
    lines = [line for line in html.lines([], found, BOTH) if "power at" in line]
    assert len(lines) == 7
    assert lines[0].strip() == (
        "power at 0.1 to 0.15: rendered -1.25 (-1.25 to -1.25),"
        " real -2.25 (-2.25 to -2.25)"
    )
