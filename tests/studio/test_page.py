"""The page of a scheme: it holds every point by name, and asks for nothing outside."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from lmkjax import render as command
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes, vocabulary
from lmkjax.studio import page

MINE = "jaw: 17\nright_eye: 12\nleft_eye: 12\nnose_bridge: 7\ncheeks: 6\n"


@pytest.fixture(scope="module")
def scheme(tmp_path_factory):
    path = tmp_path_factory.mktemp("scheme") / "mine.yaml"
    path.write_text(MINE)
    return schemes.get(str(path))


@pytest.fixture(scope="module")
def written(scheme, tmp_path_factory):
    out = tmp_path_factory.mktemp("page")
    path = out / "mine.yaml"
    path.write_text(MINE)
    assert command.main(["--scheme", str(path), "--page", "--out", str(out)]) == 0
    assert sorted(f.name for f in out.iterdir()) == ["mine.html", "mine.yaml"]
    return (out / "mine.html").read_text("utf-8")


def test_it_is_written_whatever_the_systems_own_letters_are(tmp_path):
    """As under Windows, where files are not UTF-8 unless one says so."""
    words = [sys.executable, "-m", "lmkjax", "render", "--page", "--out", str(tmp_path)]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(words, env=os.environ | plain, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-2000:]
    assert "Plotly.newPlot" in (tmp_path / "ibug68.html").read_text("utf-8")


def traces(text):
    start = re.search(r'Plotly\.newPlot\(\s*"scheme",\s*', text).end()
    return json.JSONDecoder().raw_decode(text, start)[0]


def test_a_point_tells_its_curve_its_number_and_its_partners(scheme):
    texts = page.tell(scheme)
    assert texts[3].split("<br>")[:3] == [
        "<b>3</b>: jaw, 3",
        "mirror: 13",
        "iBug 68: 3",
    ]
    # The right eye's second corner: 3 of iBug's gaps, each of 2 steps, after 17 points.
    assert "<b>23</b>: right_eye, 6" in texts[23] and "iBug 68: 39" in texts[23]
    assert "iBug" not in texts[22]
    assert texts[-1] == "<b>53</b>: cheeks, 5<br>mirror: 48"


def test_names_stand_there_as_they_are(tmp_path):
    """Plotly takes <b> for a style, and knows &lt; but not &quot;."""
    path = tmp_path / "a<b>c.yaml"
    path.write_text(MINE + "points: {'<i>\"x\"': [-3.1, 2.0, 8.4]}\n")
    own = schemes.get(str(path))
    assert page.tell(own)[-1].startswith('<b>54</b>: &lt;i&gt;"x"<br>')
    text = page.html(own)
    start = text.rindex('"title":{"text":"a') + len('"title":{"text":')
    assert json.JSONDecoder().raw_decode(text, start)[0] == "a&lt;b&gt;c: 55 landmarks"


def test_the_68_are_told_by_their_own_numbers():
    for number, text in enumerate(page.tell(schemes.get("ibug68"))):
        assert f"iBug 68: {number}" in text.split("<br>")


def test_the_page_holds_every_point_and_its_edges(written, scheme):
    drawn = [t for t in traces(written) if t["type"] == "scatter3d"]
    assert [t["name"] for t in drawn] == [name for name, _ in scheme.curves]
    told = [text for trace in drawn for text in trace["text"]]
    assert set(told) == set(page.tell(scheme))
    for trace in drawn:
        curve = vocabulary.CURVES[trace["name"]]
        many = dict(scheme.curves)[trace["name"]]
        assert len(trace["text"]) == many + curve.closed  # a ring comes home
        assert ("lines" in trace["mode"]) == (not curve.area)


def test_points_stand_on_the_skin(scheme):
    head = heads.load()
    at = marks.anchors(scheme, head)
    skin = at.of(head.neutral)
    gap = np.linalg.norm(page._places(scheme, head) - skin, axis=1)
    assert gap.max() < 1.01 * page.LIFT_CM and gap.min() > 0.5 * page.LIFT_CM


def test_the_page_asks_for_nothing_outside(written):
    assert len(written) > 2_000_000  # the library is in it
    outside = r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*="
    assert not re.findall(outside, written.split("Plotly.newPlot(")[-1])
    assert not re.findall(r"<script[^>]+src", written)
