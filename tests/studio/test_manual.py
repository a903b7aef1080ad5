"""The README's tables are those of the code."""

import re

import numpy as np
import pytest

from lmkjax.face.shape import head as heads
from lmkjax.face.shape import measures
from lmkjax.studio.manual import pages

NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]\d+)?")
README = pages.README.read_text()
MEND = "run `python -m lmkjax.studio.manual`"


@pytest.fixture(scope="module")
def drawn():
    return pages.tables()


def rows(name):
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    return README.split(begin)[1].split(end)[0].split("\n")


@pytest.mark.parametrize(
    "name",
    ["priors", "parameters", "measures", "expressions", "kinds", "limits", "curves"],
)
def test_the_readme_says_what_the_code_does(name, drawn):
    here, there = rows(name), drawn[name]
    words = [NUMBER.sub("#", row) for row in here]
    assert words == [NUMBER.sub("#", row) for row in there], MEND
    for one, other in zip(here, there, strict=True):
        one, other = (np.array(NUMBER.findall(row), float) for row in (one, other))
        # Ranges of drawn faces, as another processor rounds them.
        np.testing.assert_allclose(one, other, rtol=0.1, atol=0.03, err_msg=MEND)


def test_every_parameter_has_a_meaning_and_a_range(drawn):
    text = "\n".join(drawn["parameters"])
    assert "`camera.yaw_rad` | 1 | turn about the vertical" in text
    for row in drawn["parameters"][2:]:
        cells = row.strip("| ").split(" | ")
        assert len(cells) == 4 and len(cells[2]) > 4 and "[" in cells[3], row


def test_every_name_is_in_its_table(drawn):
    for names, table in (
        (heads.load().expression_names, "expressions"),
        (measures.NAMES, "measures"),
    ):
        found = [row.split("`")[1] for row in drawn[table][2:]]
        assert found == list(names)


def test_what_an_expression_moves_is_seen_from_its_owner():
    head = heads.load()
    wide = head.expression_names.index("jawOpen")
    assert pages._reach(head, wide)[0] == "lips outer down and back"
    left = head.expression_names.index("browOuterUp_L")
    assert pages._reach(head, left)[0] == "left brow up"


def test_a_text_without_marks_is_refused():
    with pytest.raises(ValueError, match="<!-- kinds -->"):
        pages.write("no marks", {"kinds": ["| a |"]})


def test_only_what_is_between_the_marks_changes():
    text = "before <!-- kinds -->\nold\n<!-- /kinds --> after"
    found = pages.write(text, {"kinds": ["| new |"]})
    assert found == "before <!-- kinds -->\n| new |\n<!-- /kinds --> after"
