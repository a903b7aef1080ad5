"""3D errors: none of a head that is the truth turned and grown, known ones else."""

import numpy as np
import pytest

from lmkjax.experiment.bench import head_errors
from lmkjax.face.shape import head as heads


def test_a_head_that_is_turned_shifted_and_grown_has_no_error_of_shape():
    true = heads.load().neutral[None].repeat(2, 0)
    cos, sin = np.cos(0.5), np.sin(0.5)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], "f")
    own = 1.3 * true @ turn + np.array([1, 2, 3], "f")
    assert head_errors._shape_mm(own, true) == pytest.approx([0, 0], abs=1e-3)


def test_an_error_of_shape_is_in_millimetres_and_a_mirrored_head_is_no_turned_one():
    true = heads.load().neutral[None]
    rough = np.random.RandomState(0).normal(0, 0.1, true.shape)
    expected = 0.1 * np.sqrt(8 / np.pi) * 10  # the mean length of three normals
    assert head_errors._shape_mm(true + rough, true) == pytest.approx(
        expected, rel=0.03
    )
    inside_out = true * np.array([1, 1, -1], "f")
    assert head_errors._shape_mm(inside_out, true) > 5


def test_the_angle_between_two_gazes_is_that_of_their_directions():
    own = np.array([[0.0, 0.0], [30.0, 0.0], [90.0, 60.0], [-170.0, 10.0]])
    true = np.array([[0.0, 20.0], [-15.0, 0.0], [0.0, 60.0], [170.0, 10.0]])
    expected = [20, 45, np.rad2deg(np.arccos(0.75)), 19.6931]
    assert head_errors._between(own, true) == pytest.approx(expected, abs=1e-3)
