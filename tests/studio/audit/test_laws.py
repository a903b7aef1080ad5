"""Laws: a figure beyond its limit has not passed, and a broken one is found."""

import dataclasses
import math
import types

import numpy as np
import pytest

from lmkjax.landmarks import schemes
from lmkjax.studio.audit import laws, trials

SCHEME = schemes.get("ibug68")


@pytest.mark.parametrize(
    ("figure", "least", "passed"),
    [
        (1.9, False, True),
        (2.1, False, False),
        (1.9, True, False),
        (2.1, True, True),
        (math.nan, False, False),
        (math.nan, True, False),
    ],
)
def test_a_law_keeps_to_its_limit(figure, least, passed):
    assert laws.Law("x", figure, 2.0, "cm", least=least).passed is passed


def test_a_scheme_that_mirrors_wrongly_is_found():
    here = np.random.default_rng(0).normal(24, 5, (3, 68, 3))
    there = (here * [-1, 1, 1] + [48, 0, 0])[:, SCHEME.mirror]
    assert laws.mirrored_points(here, there, SCHEME, size=48).figure < 1e-9
    broken = dataclasses.replace(SCHEME)
    broken.__dict__["mirror"] = np.arange(68)
    assert not laws.mirrored_points(here, there, broken, size=48).passed
    there[1, 5, 2] += 0.02
    law = laws.mirrored_points(here, there, SCHEME, size=48)
    assert law.figure == pytest.approx(0.02) and not law.passed


def test_a_picture_that_is_no_mirror_image_is_found():
    kind = np.zeros((2, 16, 24), int)
    kind[:, 4:12, 4:12] = laws.SHOWN[0]
    image = np.random.default_rng(0).uniform(0, 1, (2, 16, 24, 3))
    here = types.SimpleNamespace(segmentation=kind, image=image)
    there = types.SimpleNamespace(
        segmentation=kind[:, :, ::-1], image=image[:, :, ::-1]
    )
    assert all(law.passed for law in laws.mirrored_pictures(here, there))
    there.image = there.image + 0.02
    assert [law.passed for law in laws.mirrored_pictures(here, there)] == [1, 1, 0]
    # The same picture: 4 to 11 of 24 are mirrored onto 12 to 19, nothing is shared.
    same = laws.mirrored_pictures(here, here)
    assert same[0].figure == 0 and not any(law.passed for law in same)


def test_a_ray_meets_a_triangle_where_perspective_has_it():
    near = [[0, 0, 10], [4, 0, 10], [0, 4, 20]]
    far = [[8, 0, 30], [9, 0, 30], [8, 1, 30]]
    rays = trials.Rays(np.array([near, far], float))
    # Half of the first corner, a quarter of the others: of 1 / depth, not of depth.
    due = 1 / (0.5 / 10 + 0.25 / 10 + 0.25 / 20)
    np.testing.assert_allclose(rays.pierce(np.array([1.0, 1.0])), [due])
    assert len(rays.pierce(np.array([3.0, 3.0]))) == 0
    assert len(rays.near(np.array([6.0, 0.0]), 1.0).corners) == 0
    np.testing.assert_array_equal(rays.near(np.array([6.5, 0]), 2.0).corners[0], far)


def test_the_outline_is_what_the_camera_sees():
    np.testing.assert_array_equal(np.flatnonzero(laws.outline(SCHEME)), np.arange(17))
    assert not laws.outline(schemes.get("ibug68_surface")).any()
