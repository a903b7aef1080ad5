"""Faces that the builder writes and faces drawn inside the step are the same."""

import io

import jax
import numpy as np
import pytest
from PIL import Image

from configs import base
from data_builders import build
from data_builders.synthetic_faces import synthetic_faces_dataset_builder as faces
from lmkjax.data import sources, streams
from lmkjax.experiment import parts, plan
from lmkjax.face import drawing, labels
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import points, schemes
from lmkjax.studio import gallery

COUNT, SIZE = 4, 48


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Everything that can differ between two faces, own backgrounds included."""
    folder = tmp_path_factory.mktemp("own")
    random = np.random.default_rng(1)
    for number in range(3):
        picture = random.integers(0, 256, (12, 12, 3), np.uint8)
        Image.fromarray(picture).resize((96, 96)).save(folder / f"{number}.png")
    config = base.get_config("tiny").unlock()
    config.seed = 3
    config.data.source = "rendered"
    config.scheme = config.data.scheme = "ibug68"
    config.data.priors = "glasses=0.5 hats=0.5 photos=0.7 jpeg=0.5"
    config.data.backgrounds = str(folder)
    assert round(config.model.input_px * config.crop.canvas) == SIZE
    return config


@pytest.fixture(scope="module")
def written(config, tmp_path_factory):
    chunk, faces.CHUNK = faces.CHUNK, COUNT
    folder = build.prepare(
        "synthetic_faces",
        data_dir=tmp_path_factory.mktemp("data"),
        count=COUNT,
        test_count=0,
        size=SIZE,
        seed=plan.build(config).drawn.seed,
        priors=config.data.priors,
        backgrounds=config.data.backgrounds,
    )
    faces.CHUNK = chunk
    return sources.load(folder, "train")


@pytest.fixture(scope="module")
def drawn(config):
    numbers = next(streams.rendered(batch=COUNT))
    draw = jax.jit(parts.drawer(plan.build(config).drawn))  # as inside a step
    return jax.tree.map(np.asarray, draw(numbers))


def same(one, other):
    np.testing.assert_allclose(one.points, other.points, atol=1e-3)
    np.testing.assert_allclose(one.box, other.box, atol=1e-3)
    np.testing.assert_array_equal(one.visibility, other.visibility)


def test_the_same_number_has_the_same_labels_in_any_scheme(written, drawn):
    faces = [written[i] for i in range(COUNT)]
    kept = jax.tree.map(lambda *leaves: np.stack(leaves), *faces)
    for name in ("ibug68", "dense243"):
        scheme = schemes.get(name)
        own = labels.mark(drawn, scheme)
        same(own, labels.mark(kept, scheme))
        # And as they are read to be measured by.
        read = written.labelled(labels.marker(scheme))
        face = read[COUNT - 1]
        np.testing.assert_allclose(face.points, own.points[COUNT - 1], atol=1e-3)
        np.testing.assert_array_equal(face.visibility, own.visibility[COUNT - 1])
        assert len(read.take(np.array([2, 0]))[1].points) == scheme.count


def test_the_same_number_has_the_same_places_of_the_same_key(written, drawn):
    kept = jax.tree.map(
        lambda *leaves: np.stack(leaves), *(written[i] for i in range(COUNT))
    )
    pool = marks.pool(heads.load())
    draw = marks.Draw(skin=9, head=2, curves=9, contour=4)
    one, other = (
        labels.draw_places(jax.random.key(5), faces, pool, draw)
        for faces in (drawn, kept)
    )
    same(one, other)
    jax.tree.map(np.testing.assert_array_equal, one.places, other.places)


def test_a_canvas_has_the_labels_where_its_picture_is(written):
    """Cut for a training, a face's landmarks lie where those of the file do."""
    square = {"framing": points.Framing(1.4), "size": 32}
    raw = streams.Canvases(written, **square)
    scheme = schemes.get("ibug68")
    read = streams.Canvases(written.labelled(labels.marker(scheme)), **square)
    batch = next(streams.test(raw, batch=COUNT))
    found, expected = labels.mark(batch, scheme), next(streams.test(read, batch=COUNT))
    same(found, expected)
    np.testing.assert_array_equal(found.image, expected.image)


def test_the_same_number_has_the_same_picture_but_for_its_file(written, drawn):
    for i in range(COUNT):
        picture = np.uint8(np.round(drawn.image[i] * 255))
        again = np.asarray(Image.open(io.BytesIO(faces.encoded(picture))))
        stored = np.asarray(written[i].image)
        np.testing.assert_array_equal(again, stored)
        other = np.asarray(written[(i + 1) % COUNT].image)
        assert np.abs(again.astype(int) - other).mean() > 10


def test_faces_stand_before_the_pictures_and_depend_on_their_keys_alone():
    """The background alone changes, and the same key chooses the same part."""
    side = backdrop.SIDE  # as the builder's above: all compile the same picture
    red = np.zeros((3, side, side, 3), np.uint8)
    red[..., 0] = 255
    calm = "cast=0 grey=0 sepia=0 noise=0 motion=0 defocus=0"
    keys, scheme = gallery.keys(3, 0, COUNT), schemes.get("ibug68")

    def draw(keys, more=""):
        priors = options.choose("photo", calm + more)
        return drawing.faces(keys, scheme, size=SIZE, priors=priors, backgrounds=red)

    own, plain = draw(keys), draw(keys, " photos=0")
    np.testing.assert_array_equal(own.points, plain.points)
    np.testing.assert_array_equal(own.segmentation, plain.segmentation)
    # Far from edges, which blur mixes: corners of the picture.
    corner = np.asarray(own.segmentation[:, :6, :6]).max((1, 2)) == 0
    assert corner.any()
    pixels = np.asarray(own.image)[corner, :3, :3]
    assert (pixels[..., 0] > pixels[..., 1:].max(-1) + 0.3).all()
    other = np.asarray(plain.image)[corner, :3, :3]
    assert (other[..., 0] < other[..., 1:].max(-1) + 0.3).any()
    np.testing.assert_array_equal(draw(keys[::-1]).image[1], own.image[2])
