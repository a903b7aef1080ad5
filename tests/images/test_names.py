"""Names of other tools: Unicode, folders, endings; the more alike wins."""

import pytest

from lmkjax.errors import UserError
from lmkjax.images import names

COMPOSED, PARTS = "Jos\u00e9.jpg", "Jose\u0301.jpg"  # they look the same


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        (COMPOSED, PARTS),
        (PARTS, COMPOSED),
        ("in/sub/a.jpg", "sub/a.jpg"),
        ("a.jpg", "sub/a.jpg"),
        (r"C:\photos\sub\a.jpg", "sub/a.jpg"),
        ("/data/a.jpg", "a.jpg"),
        ("a", "a.jpg"),
        ("a.JPG", "a.jpg"),
        ("a.b", "a.b.png"),
        ("helen/a_1.jpg", "/data/helen/a_1.pts"),
    ],
)
def test_a_name_is_found(given, ours):
    assert names.match([given, "z"], [ours, "other.png"], file="f") == {ours: given}


@pytest.mark.parametrize(
    ("given", "ours"),
    [("b.jpg", "a.jpg"), ("x/a.jpg", "y/a.jpg"), ("a.jpg", "a.png"), ("a", "a.b.png")],
)
def test_another_name_is_not(given, ours):
    assert names.match([given], [ours], file="f") == {}


def test_the_more_alike_wins():
    ours = ["a.jpg", "sub/a.jpg", COMPOSED, PARTS]
    given = ["sub/a.jpg", "a.jpg", PARTS, COMPOSED]
    assert names.match(given, ours, file="f") == {name: name for name in ours}
    assert names.match(["x/a.jpg", "a.jpg"], ["a.jpg"], file="f") == {"a.jpg": "a.jpg"}


@pytest.mark.parametrize(
    ("given", "ours", "words"),
    [
        (["a.jpg"], ["x/a.jpg", "y/a.jpg"], "f: 'a.jpg' fits x/a.jpg and y/a.jpg"),
        (["a"], ["a.jpg", "a.png"], "fits a.jpg and a.png"),
        (["x/a.jpg", "y/a.jpg"], ["a.jpg"], "both fit a.jpg"),
        ([COMPOSED], ["x/" + PARTS, "y/" + PARTS], "fits"),
    ],
)
def test_what_fits_two_is_refused(given, ours, words):
    with pytest.raises(UserError, match=words):
        names.match(given, ours, file="f")
