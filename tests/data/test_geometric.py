"""Warp, flip and occlusion: laws, values by hand, and points that follow pixels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.data import geometric
from lmkjax.landmarks import points
from lmkjax.types import OUTSIDE, Places

MIRROR = jnp.array([1, 0, 2, 4, 3], jnp.int32)
STILL = {"rotation_deg": 0.0, "scale": 0.0, "shift": 0.0}
STILL |= {"flip_chance": 0.0, "occlude_chance": 0.0}
WILD = {"rotation_deg": 18.0, "scale": 0.12, "shift": 0.05}
WILD |= {"flip_chance": 0.5, "occlude_chance": 0.4}
WARP = jax.jit(geometric.warp, static_argnames="size")
PLACE = jax.jit(geometric.place, static_argnames="size")


def face(batch, index):
    return jax.tree.map(lambda leaf: leaf[index], batch)


def found(image):
    """The middle of what shines in a picture."""
    weights = np.asarray(image).sum(-1)
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]] + 0.5
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


def test_a_warp_by_the_identity_is_nothing(batch):
    image = batch.image[0]
    same = WARP(image, jnp.eye(3), size=48)
    np.testing.assert_allclose(same, image / 255, atol=1e-6)


def test_a_shift_by_half_a_pixel_is_the_mean_of_two():
    image = jnp.zeros((4, 4, 3)).at[1, 2].set(1.0)
    matrix = jnp.eye(3).at[0, 2].set(0.5)
    moved = WARP(image, matrix, size=4)
    expected = jnp.zeros((4, 4, 3)).at[1, 2:].set(0.5)
    np.testing.assert_allclose(moved, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.7])
@pytest.mark.parametrize("angle", [-0.7, 0.0, 0.4])
def test_a_dot_is_found_where_its_point_goes(scale, angle):
    place = jnp.array([[29.5, 17.5]])
    far = points.centres(50, 60) - place[None]
    image = jnp.exp(-(far**2).sum(-1, keepdims=True) / 8) * jnp.ones((1, 1, 3))
    centre, target = jnp.array([27.0, 20.0]), jnp.array([20.0, 21.0])
    scale, angle = jnp.float32(scale), jnp.float32(angle)
    matrix = points.similarity(centre, target, scale, angle)
    moved = WARP(image, matrix, size=40)
    expected = points.apply(matrix, place)[0]
    np.testing.assert_allclose(found(moved), expected, atol=0.01)


def test_flipping_twice_is_nothing(batch):
    flip = jax.jit(geometric.flip)
    twice = flip(flip(face(batch, 2), MIRROR), MIRROR)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5), twice, face(batch, 2)
    )


def test_a_flip_takes_the_box_with_its_points(batch):
    flipped = jax.jit(geometric.flip)(face(batch, 0), MIRROR)
    np.testing.assert_allclose(points.box(flipped.points), flipped.box, rtol=1e-5)
    # Landmark 3 was hidden; its partner, 4, is the one that is hidden now.
    hidden = jax.jit(geometric.flip)(face(batch, 2), MIRROR).visibility
    assert hidden.tolist() == [0, 0, 0, 0, 1]


def test_a_flip_mirrors_places_instead_of_their_order(batch):
    asked = Places(
        xyz=jnp.array([[1.0, 2.0, 3.0]] * 5),
        part=jnp.array([0, 0, 1, 2, 0]),
        share=jnp.array([0.0, 0.0, 0.0, 0.2, 0.0]),
    )
    one = face(batch, 2).replace(places=asked)
    flipped = jax.jit(geometric.flip)(one, None)
    np.testing.assert_allclose(
        flipped.points[:, 0], one.image.shape[1] - one.points[:, 0], rtol=1e-6
    )
    assert flipped.places.xyz.tolist() == [[-1.0, 2.0, 3.0]] * 5
    np.testing.assert_allclose(flipped.places.share, [0, 0, 0, 0.8, 0], rtol=1e-6)
    np.testing.assert_array_equal(flipped.visibility, one.visibility)


def test_the_box_keeps_its_place_on_the_face(batch):
    one = face(batch, 1)
    moved = PLACE(
        one, points.crop(one.box, framing=points.Framing(1.5), size=30), size=30
    )  # the crop's middle, two thirds of its side
    longer = max(moved.box[2] - moved.box[0], moved.box[3] - moved.box[1])
    np.testing.assert_allclose(longer, 20, rtol=1e-5)
    np.testing.assert_allclose((moved.box[:2] + moved.box[2:]) / 2, [15, 15], rtol=1e-5)
    np.testing.assert_allclose(points.box(moved.points), moved.box, atol=1e-4)


def test_points_that_leave_the_picture_are_not_visible(batch):
    matrix = jnp.eye(3).at[0, 2].set(-24.0)
    moved = PLACE(face(batch, 0), matrix, size=48)
    assert (moved.visibility == OUTSIDE).tolist() == (moved.points[:, 0] < 0).tolist()


def test_a_rectangle_hides_pixels_and_points(batch):
    one = face(batch, 0)
    one = one.replace(
        image=jnp.ones((6, 6, 3)),
        points=jnp.array([[2.0, 2.0], [4.5, 2.0], [0.5, 2.0], [2.0, 4.0], [3.9, 3.9]]),
    )
    rectangle = jnp.array([1.0, 1.0, 4.0, 4.0])
    hidden = jax.jit(geometric.occlude)(one, rectangle, jnp.zeros((6, 6, 3)))
    assert hidden.visibility.tolist() == [2, 0, 0, 0, 2]
    expected = jnp.ones((6, 6, 3)).at[1:4, 1:4].set(0.0)
    np.testing.assert_array_equal(hidden.image, expected)


def test_without_chance_augmenting_is_the_plain_crop(batch, key):
    still = geometric.augment(
        key, batch, MIRROR, size=32, framing=points.Framing(1.3, 0.1), **STILL
    )
    plain = geometric.centre(batch, size=32, framing=points.Framing(1.3, 0.1))
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=2e-4), still, plain)
    assert plain.image.dtype == jnp.float32 and plain.image.max() <= 1


def test_a_key_tells_all(batch, key):
    augment = functools.partial(
        geometric.augment, size=32, framing=points.Framing(1.3, 0.1), **WILD
    )
    one, again = augment(key, batch, MIRROR), augment(key, batch, MIRROR)
    jax.tree.map(np.testing.assert_array_equal, one, again)
    other = augment(jax.random.key(1), batch, MIRROR)
    assert (one.points != other.points).all()
    np.testing.assert_array_equal(one.mask, batch.mask)


def test_faces_of_a_batch_are_changed_each_in_its_own_way(key, batch):
    alike = jax.tree.map(lambda leaf: jnp.stack([leaf[0]] * 4), batch)
    out = geometric.augment(
        key, alike, MIRROR, size=32, framing=points.Framing(1.3, 0.1), **WILD
    )
    assert len(np.unique(np.asarray(out.points[:, 0, 0]).round(4))) == 4


def test_the_spread_is_as_asked(key):
    box = jnp.array([10.0, 10.0, 30.0, 30.0])

    def draw(key):
        return geometric.random_similarity(
            key,
            box,
            framing=points.Framing(1.0),
            size=20,
            rotation_deg=18.0,
            scale=0.1,
            shift=0.05,
        )

    m = jax.jit(jax.vmap(draw))(jax.random.split(key, 4000))
    angle_deg = np.degrees(np.arctan2(m[:, 1, 0], m[:, 0, 0]))
    scale = np.log(np.hypot(m[:, 0, 0], m[:, 1, 0]))
    centre = points.apply(m, jnp.full((4000, 1, 2), 20.0))[:, 0]
    np.testing.assert_allclose(angle_deg.std(), 18, rtol=0.05)
    np.testing.assert_allclose(scale.std(), 0.1, rtol=0.05)
    np.testing.assert_allclose(np.asarray(centre).std(0), 0.05 * 20, rtol=0.05)
    np.testing.assert_allclose(centre.mean(0), [10, 10], atol=0.1)


def test_a_mirror_of_another_scheme_is_refused(batch):
    with pytest.raises(TypeCheckError):
        geometric.flip(face(batch, 0), jnp.arange(4.0))
