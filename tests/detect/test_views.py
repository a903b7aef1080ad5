"""Looks at changed pictures come back to where the pictures have it, and count once."""

import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.detect import detection, inference, views
from lmkjax.errors import UserError
from lmkjax.landmarks import points, schemes

SIZE = 64
SPOTS = np.array([[30.0, 25.0], [40.0, 36.0], [22.0, 44.0]], np.float32)


def pictures():
    """A round spot in each, 4 pixels wide."""
    grid = np.asarray(points.centres(SIZE, SIZE))
    away = ((grid - SPOTS[:, None, None]) ** 2).sum(-1)
    return jnp.asarray(np.repeat(np.exp(-away / 2 / 16)[..., None], 3, -1))


def look(images):
    """The middle of the spot and its width, as a network would say it."""
    light = images[..., 0] / images[..., 0].sum((1, 2), keepdims=True)
    grid = points.centres(SIZE, SIZE)
    found = jnp.einsum("bhw,hwc->bc", light, grid, precision="highest")
    away = ((grid[None] - found[:, None, None]) ** 2).sum(-1)
    width = jnp.sqrt((light * away).sum((1, 2)) / 2)
    return inference.Prediction(
        found[:, None],
        width[:, None],
        jnp.tile(light[:, :1, :1, None], (1, 1, 1, 4))[:, 0],
        transferred=found[:, None],
        transferred_spread=width[:, None],
    )


@pytest.mark.parametrize("count", range(2, views.MOST + 1))
def test_what_every_look_sees_is_what_one_sees(count):
    seen = views.mean(look, pictures(), count=count)
    np.testing.assert_allclose(seen.points[:, 0], SPOTS, atol=0.1)
    np.testing.assert_allclose(seen.spread, 4.0, rtol=0.03)
    np.testing.assert_array_equal(seen.transferred, seen.points)
    np.testing.assert_array_equal(seen.transferred_spread, seen.spread)
    plain = look(pictures())
    np.testing.assert_array_equal(seen.visibility, plain.visibility)


def test_one_view_is_the_picture_as_it_is():
    seen, plain = views.mean(look, pictures(), count=1), look(pictures())
    np.testing.assert_array_equal(seen.points, plain.points)


def test_looks_are_different_and_none_loses_the_face():
    changes = np.asarray(views._matrices(views.MOST, size=1))
    assert len(np.unique(changes, axis=0)) == views.MOST - 1
    middle = np.tile(np.float32([[0.3, 0.3], [0.7, 0.3], [0.5, 0.7]]), (7, 1, 1))
    moved = np.asarray(points.apply(changes, middle))
    assert moved.min() > 0.1 and moved.max() < 0.9


def test_a_point_that_a_look_does_not_hold_is_not_of_its_mean(monkeypatch):
    """A network says something of it all the same: here, that it is far away."""
    monkeypatch.setattr(views, "CHANGES", views.CHANGES[[0, 1]])  # looks nearer
    plain = pictures()

    def look_wrong(images):
        changed = jnp.abs(images - plain).max() > 0.01
        own = jnp.tile(jnp.float32([[1.0, 1.0], [32.0, 32.0]]), (3, 1, 1))
        found = jnp.where(changed, own + 10, own)
        return inference.Prediction(found, jnp.ones((3, 2)))

    seen = views.mean(look_wrong, plain, count=2)
    matrix = views._matrices(2, size=SIZE)
    corner = points.apply(matrix, jnp.float32([[[1.0, 1.0], [32.0, 32.0]]]))[0]
    inside = np.asarray(points.inside(corner, size=SIZE))
    assert list(inside) == [False, True]
    np.testing.assert_allclose(seen.points[:, 0], 1.0)
    assert np.abs(seen.points[:, 1] - 32.0).max() > 1


@pytest.mark.usefixtures("optimised")
def test_the_shipped_network_is_better_and_keeps_its_words():
    with np.load(pathlib.Path(__file__).with_name("rendered.npz")) as kept:
        images, truth = list(kept["images"]), kept["points"]
    truth = truth[:, schemes.get("dense490").subset68]
    boxes = np.concatenate([truth.min(1), truth.max(1)], -1)

    def error(**options):
        found = detection.Detector(scheme="ibug68", **options).find(images, boxes)
        assert found.visibility.shape == (len(images), 68, 4)
        assert np.isfinite(found.uncertainty).all()
        return np.linalg.norm(found.points - truth, axis=-1).mean()

    plain = error()
    assert error(views=4) < plain
    assert error(views=2, flip=True) < plain


@pytest.mark.parametrize("count", [0, 9, -1])
def test_another_number_is_refused(count):
    with pytest.raises(UserError, match=f"1 to 8 views of a face; got {count}"):
        detection.Detector(views=count)
