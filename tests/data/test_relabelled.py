"""Other labels than a face's own, and some of them drawn for each face."""

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.data import relabelled, streams
from lmkjax.landmarks import points
from lmkjax.types import UNKNOWN, Batch, Places

OWN = Places(  # of 7 landmarks, the x of each its number
    np.stack([np.arange(7.0), np.ones(7), np.zeros(7)], -1).astype(np.float32),
    np.arange(7, dtype=np.int32) % 3,
    np.linspace(0, 1, 7, dtype=np.float32),
)


def test_a_face_keeps_its_picture_and_takes_the_other_points(source):
    canvases = streams.Canvases(source, framing=points.Framing(1.4), size=24)
    told = np.arange(10 * 5 * 2, dtype=np.float32).reshape(10, 5, 2)
    other = relabelled.Relabelled(canvases, told)
    assert len(other) == 10
    for batch in (4, 10):
        own = next(streams.train(canvases, batch=batch, seed=3))
        found = next(streams.train(other, batch=batch, seed=3))
        np.testing.assert_array_equal(found.image, own.image)
        np.testing.assert_array_equal(found.box, own.box)
        assert (found.visibility == UNKNOWN).all()
        whose = found.points[:, 0, 0] / 10  # the first number of a face's points
        assert len(set(whose)) == batch
        np.testing.assert_array_equal(found.points, told[whose.astype(int)])
    order = [int(b) for b in found.points[:, 0, 0] / 10]
    for row, number in enumerate(order):
        np.testing.assert_array_equal(found.image[row], canvases[number].image)
    assert not other.face(-1).mask


def test_drawn_landmarks_keep_their_places_and_each_is_as_likely(key):
    faces = 400
    numbers = jnp.broadcast_to(jnp.arange(7.0)[:, None], (faces, 7, 2))
    batch = Batch(
        image=jnp.zeros((faces, 2, 2, 3)),
        points=numbers,
        visibility=jnp.broadcast_to(jnp.arange(7, dtype=jnp.int8), (faces, 7)),
        box=jnp.zeros((faces, 4)),
        mask=jnp.ones(faces, bool),
    )
    some = jax.jit(relabelled.draw, static_argnums=3)(key, batch, OWN, 3)
    assert some.points.shape == (faces, 3, 2)
    found = np.asarray(some.points[..., 0])
    np.testing.assert_array_equal(some.places.xyz[..., 0], found)
    np.testing.assert_array_equal(some.places.part, found.astype(int) % 3)
    np.testing.assert_allclose(some.places.share, found / 6, atol=1e-6)
    np.testing.assert_array_equal(some.visibility, found)
    assert (np.diff(found, axis=1) >= 0).all()
    times = np.bincount(found.ravel().astype(int), minlength=7) / (faces * 3 / 7)
    assert times.min() > 0.7 and times.max() < 1.3
    every = relabelled.draw(key, batch, OWN, 9)
    np.testing.assert_array_equal(every.points, batch.points)
