"""Crops: points follow pixels, borders go on, large photos are decoded small."""

import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from lmkjax.data import crop
from lmkjax.errors import UserError
from lmkjax.images import quarters
from lmkjax.landmarks import points
from tests.data.conftest import encode, smooth

BOX = np.array([10.0, 20.0, 30.0, 60.0], np.float32)
ONCE, HIGH = points.Framing(1.0), points.Framing(1.3, 0.1)


def middle(image):
    """The middle of what shines in a picture."""
    weights = image.sum(-1, dtype=float) / image.sum(dtype=float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(weights * x).sum(), (weights * y).sum()])


def test_the_square_by_hand():
    corner, side = crop.square(BOX, framing=points.Framing(1.5))
    assert side == 60  # 1.5 x the longer side, 40
    np.testing.assert_array_equal(corner, [20 - 30, 40 - 30])
    corner, side = crop.square(BOX, framing=points.Framing(1.5, 0.1))
    np.testing.assert_allclose([*corner, side], [20 - 30, 40 - 6 - 30, 60])


def test_a_wider_square_has_the_same_centre():
    framing = points.Framing(1.5, 0.1)
    near, side = crop.square(BOX, framing=framing)
    far, wide = crop.square(BOX, framing=framing.wider(1.4))
    np.testing.assert_allclose(wide, 1.4 * side)
    np.testing.assert_allclose(far + wide / 2, near + side / 2)


@pytest.mark.parametrize("size", [(70, 30), (30, 70)])
def test_the_whole_of_a_picture_is_the_square_of_its_box(size):
    framing = points.Framing(1.5, 0.1)
    corner, side = crop.square(crop.whole(size, framing=framing), framing=framing)
    np.testing.assert_allclose(corner + side / 2, np.array(size) / 2)
    assert side == pytest.approx(70)


@pytest.mark.parametrize("turns", quarters.TURNS)
def test_a_square_turned_back_is_that_of_the_turned_photo(turns):
    photo = Image.fromarray(smooth(80, 60))
    box = np.array([20.0, 30.0, 40.0, 50.0])
    known = {"framing": points.Framing(1.5, 0.1), "size": 30}
    place = crop.turned(box, turns, framing=known["framing"])
    own = np.rot90(crop.cut(photo, place, **known), turns)
    corners = quarters.forth(box.reshape(2, 2), photo.size, turns)
    other = quarters.picture(photo, turns)
    whole = crop.cut(other, points.box(corners), **known)
    np.testing.assert_allclose(own.astype(int), whole.astype(int), atol=1)


def test_it_is_the_square_of_points_crop():
    places = np.random.RandomState(0).uniform(0, 99, (7, 2)).astype(np.float32)
    matrix = jax.jit(lambda box: points.crop(box, framing=HIGH, size=48))(BOX)
    expected = points.apply(matrix, jnp.asarray(places))
    moved = crop.forth(places, BOX, framing=HIGH, size=48)
    np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-4)


def test_back_undoes_forth():
    places = np.random.RandomState(1).uniform(0, 99, (7, 2)).astype(np.float32)
    there = crop.forth(places, BOX, framing=HIGH, size=48)
    np.testing.assert_allclose(
        crop.back(there, BOX, framing=HIGH, size=48), places, atol=1e-4
    )


def test_a_crop_at_its_own_size_copies_the_pixels():
    image = smooth(50, 60)
    box = np.array([20.0, 10.0, 40.0, 30.0])
    cut = crop.cut(Image.fromarray(image), box, framing=ONCE, size=20)
    np.testing.assert_array_equal(cut, image[10:30, 20:40])


def test_beyond_the_photo_its_last_pixels_go_on():
    image = smooth(20, 20)
    cut = crop.cut(
        Image.fromarray(image), np.array([-5, 0, 15, 20]), framing=ONCE, size=20
    )
    np.testing.assert_array_equal(cut[:, 5:], image[:, :15])
    np.testing.assert_array_equal(cut[:, :5], np.repeat(image[:, :1], 5, 1))


def test_a_box_beside_the_photo_is_no_error():
    box = np.array([100.0, 100.0, 120.0, 120.0])
    image = smooth(20, 30)
    cut = crop.cut(Image.fromarray(image), box, framing=ONCE, size=8)
    np.testing.assert_array_equal(cut, np.broadcast_to(image[-1, -1], cut.shape))


def padded(image, box, *, framing, size):
    """The same by another way: all that the square holds is laid out first."""
    corner, side = crop.square(box, framing=framing)
    reach = int(max(side / size, 1)) + 2
    first = np.floor(corner).astype(int) - reach
    last = np.ceil(corner + side).astype(int) + reach
    columns, rows = (
        np.clip(np.arange(a, b), 0, n - 1)
        for a, b, n in zip(first, last, image.shape[1::-1], strict=True)
    )
    window = (*(corner - first), *(corner - first + side))
    whole = Image.fromarray(image[rows][:, columns])
    return np.asarray(whole.resize((size, size), Image.BILINEAR, box=window))


def test_a_square_anywhere_is_as_if_the_photo_went_on():
    rng = np.random.default_rng(0)
    for _ in range(300):
        wide, high = rng.integers(1, 70, 2)
        image = rng.integers(0, 256, (high, wide, 3), dtype=np.uint8)
        middle, half = rng.uniform(-90, 160, 2), 10 ** rng.uniform(-0.5, 2, 2)
        box = np.array([*(middle - half), *(middle + half)])
        if 1.3 * 2 * half.max() > crop.MOST * max(wide, high):
            continue
        own = crop.cut(Image.fromarray(image), box, framing=HIGH, size=13)
        other = padded(image, box, framing=HIGH, size=13)
        # Pillow keeps a window's edges in float32: where it starts moves a last digit.
        assert np.abs(own.astype(int) - other).max() <= 1


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ((400, 4000), (0, -1800, 4000, 2200)),  # a panorama
        ((4000, 400), (-1800, 0, 2200, 4000)),
        ((600, 700), (-5000, -5000, 5000, 5000)),  # a box far too large
        ((600, 700), (5000, 5000, 9000, 9000)),  # and one beside it
    ],
)
def test_memory_is_the_photos_own(shape, box, monkeypatch):
    image = Image.new("RGB", shape[::-1])
    made = []  # pixels of every picture on the way; Pillow's memory is its own

    def counted(make):
        def new(*args, **options):
            result = make(*args, **options)
            made.append(result.width * result.height)
            return result

        return new

    monkeypatch.setattr(Image, "new", counted(Image.new))
    monkeypatch.setattr(Image.Image, "resize", counted(Image.Image.resize))
    tracemalloc.start()
    crop.cut(image, np.array(box, float), framing=points.Framing(1.35), size=64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made and max(made) < 3 * shape[0] * shape[1]
    assert peak < 6 * 3 * shape[0] * shape[1]


def test_a_box_out_of_all_proportion_is_refused():
    with pytest.raises(UserError, match="as large as the face.*of 40 x 30 pixels"):
        crop.cut(Image.new("RGB", (40, 30)), [0, 0, 9999, 9], framing=ONCE, size=8)


@pytest.mark.parametrize("side", [8.0, 20.0, 47.3, 90.0])
def test_a_dot_is_found_where_its_point_goes(side):
    place = np.array([[33.5, 22.5]], np.float32)
    image = np.zeros((60, 70, 3), np.uint8)
    image[22, 33] = 255  # the pixel whose centre that is
    box = np.array([30.2, 20.1, 30.2 + side, 20.1 + side])
    framing = points.Framing(1.5, 0.1)
    cut = crop.cut(Image.fromarray(image), box, framing=framing, size=40)
    expected = crop.forth(place, box, framing=framing, size=40)[0]
    np.testing.assert_allclose(middle(cut), expected, atol=0.1)


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    box = np.array([0.0, 0.0, 64.0, 64.0])
    cut = crop.cut(Image.fromarray(stripes), box, framing=ONCE, size=16)
    inner = cut[:, 1:-1].astype(int)  # at the rim the last stripe goes on
    assert np.abs(inner - 127).max() <= 2


@pytest.mark.parametrize("shape", [(400, 480), (403, 477)])
def test_a_large_jpeg_is_decoded_small_and_stays_in_place(shape):
    image = np.zeros((*shape, 3), np.uint8)
    image[160:220, 200:280] = 255
    photo = encode(image, "JPEG", quality=95)
    box = np.array([100.0, 80.0, 330.0, 300.0], np.float32)
    small, scale = crop.decode(photo, side_px=1.5 * 230, size=32)
    assert scale == 1 / 8 and small.width == -(-shape[1] // 8)
    place, seen = np.array([[240.0, 190.0]]), np.zeros(1, np.int8)
    face = crop.canvas(photo, place, seen, box, framing=points.Framing(1.5), size=32)
    np.testing.assert_allclose(middle(face.image), face.points[0], atol=0.05)


def test_a_small_photo_under_a_large_box_is_left_as_it_is():
    photo = encode(smooth(20, 30), "JPEG")
    image, scale = crop.decode(photo, side_px=2000, size=32)
    assert (image.size, scale) == ((30, 20), 1.0)


def test_grey_and_transparent_photos_become_rgb():
    grey = smooth(12, 14)[..., 0]
    image, scale = crop.decode(encode(grey))
    assert (image.mode, scale) == ("RGB", 1.0)
    np.testing.assert_array_equal(np.asarray(image)[..., 2], grey)


NO_BOXES = [[5, 5, 5, 5], [9, 9, 4, 4], [0, 0, np.nan, 9], [0, 0, 0, 9], [0, 8, 9, 2]]


@pytest.mark.parametrize("box", NO_BOXES)
def test_a_box_without_size_is_refused(box):
    with pytest.raises(UserError, match="Wanted a box"):
        crop.square(np.array(box, float), framing=points.Framing(1.3))


def test_a_photo_beyond_pillows_own_limit_is_decoded(monkeypatch):
    """It was prepared, by the limit of `reading`; training would stop at it."""
    photo = encode(smooth(40, 30))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    decoded, scale = crop.decode(photo)
    np.testing.assert_array_equal(np.asarray(decoded), smooth(40, 30))
    assert scale == 1
