"""Faces left out: named, but not by the thousand."""

from data_builders import left_out


def account(count):
    return {str(i): {"reason": f"{i}.pts: broken.", "digest": ""} for i in range(count)}


def test_a_few_are_all_named():
    assert left_out.lines({}) == []
    assert left_out.lines(account(1)) == ["Left out 0.pts: broken."]
    assert len(left_out.lines(account(left_out.TOLD))) == left_out.TOLD


def test_of_many_the_others_are_counted():
    *named, others = left_out.lines(account(left_out.TOLD + 7))
    assert len(named) == left_out.TOLD
    assert others == f"Left out 7 more, {left_out.TOLD + 7} in all: see metadata.json."
