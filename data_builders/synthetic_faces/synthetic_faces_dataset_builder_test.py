"""Synthetic faces: each from its number alone, options in the name, refusals."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.proto import tf_example_pb2

from data_builders import build
from data_builders.synthetic_faces import synthetic_faces_dataset_builder as faces
from lmkjax.data import sources
from lmkjax.errors import UserError
from lmkjax.face import compiled, labels
from lmkjax.face.shape import head as heads
from lmkjax.types import Rendered, faces_of

SMALL = {"count": 5, "test_count": 3, "size": 16}


@pytest.fixture(autouse=True)
def tiny_renderer(monkeypatch):
    """In place of the real one: a plain picture whose colour tells the key."""

    def draw(keys, *, size, priors, backgrounds):
        colour = jax.vmap(lambda key: jax.random.uniform(key, (3,)))(keys)
        colour = colour if backgrounds is None else colour * 0 + len(backgrounds) / 8
        b = len(keys)
        fields = labels.fields(heads.load())
        count = sum(math.prod(shape) for _, shape in fields)
        pixels = jnp.arange(size * size, dtype=jnp.uint8).reshape(1, size, size)
        corners = jnp.array([1.0, 1.0, size - 1.0, size - 1.0])
        return Rendered(
            image=jnp.broadcast_to(colour[:, None, None], (b, size, size, 3)),
            params=jnp.full((b, count), 1 - priors.hats),
            bare=jnp.broadcast_to(pixels, (b, size, size)),
            thing=jnp.packbits(jnp.broadcast_to(pixels > 99, (b, size, size)), axis=2),
            corner=jnp.zeros((b, 2)),
            scale=jnp.ones(b),
            box=jnp.broadcast_to(corners[None], (b, 4)),
            mask=jnp.ones(b, bool),
        )

    monkeypatch.setattr(faces.drawing, "records", draw)
    whole = faces.draw.__wrapped__

    def traced_anew(keys, priors, pictures, *, size):  # what JAX keeps is a function's
        return whole(keys, priors, pictures, size=size)

    own = compiled.jit(traced_anew, static=["size"])
    monkeypatch.setattr(faces, "draw", own)


def colours(folder, split):
    source = sources.load(folder, split)
    return {name: source[i].image[8, 8] for i, name in enumerate(source.names)}


def test_a_face_comes_from_its_number_alone(tmp_path):
    folder = build.prepare("synthetic_faces", data_dir=tmp_path, **SMALL)
    seen = colours(folder, "train")
    assert list(seen) == ["0", "1", "2", "3", "4"]
    key = faces_of(0, np.array([3], np.uint32))[0]
    expected = jax.random.uniform(key, (3,)) * 255
    np.testing.assert_allclose(seen["3"], expected, atol=2)  # JPEG
    more = build.prepare("synthetic_faces", data_dir=tmp_path, **SMALL | {"count": 40})
    np.testing.assert_array_equal(colours(more, "train")["3"], seen["3"])


def test_test_faces_are_others_and_do_not_depend_on_the_count(tmp_path):
    folder = build.prepare("synthetic_faces", data_dir=tmp_path, **SMALL)
    seen = colours(folder, "test")
    assert list(seen) == [str(2**31 + i) for i in range(3)]
    every = np.stack([*colours(folder, "train").values(), *seen.values()])
    assert len(np.unique(every, axis=0)) == 8


def test_what_is_stored_is_what_was_drawn(tmp_path):
    folder = build.prepare("synthetic_faces", data_dir=tmp_path, **SMALL)
    source = sources.load(folder, "train")
    face = source[1]
    np.testing.assert_allclose(face.params, 0.9, rtol=1e-6)
    pixels = np.arange(256).reshape(16, 16)
    np.testing.assert_array_equal(face.bare, pixels)
    np.testing.assert_array_equal(np.unpackbits(face.thing, axis=1), pixels > 99)
    np.testing.assert_array_equal(face.box, [1, 1, 15, 15])
    assert face.image.shape == (16, 16, 3) and source.unlabelled
    labels.check(source.fields, where="here")
    with pytest.raises(UserError, match="here: these faces have other parameters"):
        labels.check(source.fields.replace("youth", "age"), where="here")


def test_a_set_of_one_schemes_points_is_refused(tmp_path):
    folder = build.prepare("synthetic_faces", data_dir=tmp_path, **SMALL)
    told = (folder / "features.json").read_text()
    (folder / "features.json").write_text(told.replace('"params"', '"points"'))
    with pytest.raises(UserError, match="of an older lmkjax.*Delete the folder, and"):
        sources.load(folder, "train")


def test_a_scheme_of_older_command_lines_is_refused():
    with pytest.raises(UserError, match="no scheme any more.*Leave --scheme out"):
        build.parser().parse_args(["synthetic_faces", "--scheme", "dense490"])


@pytest.mark.parametrize(
    "change",
    [
        {"count": 6},
        {"test_count": 4},
        {"size": 24},
        {"seed": 1},
        {"looks": "stand_in"},
        {"priors": "hats=0.5"},
    ],
)
def test_other_options_are_another_set(tmp_path, change):
    first = faces.make_config(**SMALL)
    assert faces.make_config(**SMALL | change).name != first.name


@pytest.mark.parametrize(
    ("change", "hats"), [({"looks": "stand_in"}, 0.2), ({"priors": "hats=0.5"}, 0.5)]
)
def test_looks_and_priors_reach_the_renderer(tmp_path, change, hats):
    options = SMALL | change | {"test_count": 0}
    folder = build.prepare("synthetic_faces", data_dir=tmp_path, **options)
    assert sources.splits(folder) == {"train": 5}
    face = sources.load(folder, "train")[0]
    np.testing.assert_allclose(face.params, 1 - hats, rtol=1e-6)


def test_a_folder_of_backgrounds_is_read_and_makes_another_set(tmp_path):
    usual = faces.make_config(**SMALL).name
    names = [usual]
    for number in range(2):
        image = Image.new("RGB", (30, 40), (number, 0, 0))
        (tmp_path / "own").mkdir(exist_ok=True)
        image.save(tmp_path / f"own/{number}.png")
        config = faces.make_config(**SMALL, backgrounds=str(tmp_path / "own"))
        names.append(config.name)
    assert len(set(names)) == 3 and "backgrounds" in names[1]
    drawn = faces.renderer(config)(np.arange(3, dtype=np.uint32))
    np.testing.assert_array_equal(drawn.image, round(2 / 8 * 255))  # two pictures


def test_priors_as_they_are_make_no_other_set():
    usual = faces.make_config(**SMALL)
    assert faces.make_config(**SMALL, priors="hats=0.1").name == usual.name
    assert "otherwise" not in usual.name


def test_files_share_out_the_faces_in_order():
    config = faces.make_config(**SMALL | {"count": 100, "faces_per_file": 32})
    found = faces.files(config)
    assert [list(f.numbers) for f in found["train"]] == [
        list(range(a, b)) for a, b in ((0, 32), (32, 64), (64, 96), (96, 100))
    ]
    assert [(f.index, f.of) for f in found["train"]] == [(i, 4) for i in range(4)]
    assert [list(f.numbers) for f in found["test"]] == [[2**31 + i for i in range(3)]]
    assert faces.make_config(**SMALL | {"faces_per_file": 64}).name == (
        faces.make_config(**SMALL).name
    )


def test_more_files_hold_the_same_faces(tmp_path):
    small = SMALL | {"count": 70}
    one = build.prepare("synthetic_faces", data_dir=tmp_path / "one", **small)
    small |= {"faces_per_file": 32}
    three = build.prepare("synthetic_faces", data_dir=tmp_path / "three", **small)
    assert len(list(three.glob("*-train*"))) == 3
    a, b = (sources.load(folder, "train") for folder in (one, three))
    for i in range(70):
        assert a.record(i).photo == b.record(i).photo and a.names[i] == b.names[i]


def test_files_and_sets_of_a_size_share_what_is_compiled(tmp_path, monkeypatch):
    traced, records = [], faces.drawing.records

    def counted(keys, **words):
        traced.append(words)
        return records(keys, **words)

    monkeypatch.setattr(faces.drawing, "records", counted)
    options = SMALL | {"count": 70, "faces_per_file": 32, "seed": 9}
    build.prepare("synthetic_faces", data_dir=tmp_path, **options)
    build.prepare("synthetic_faces", data_dir=tmp_path, **SMALL, looks="stand_in")
    assert len(traced) == 1  # three files of train, one of test; and another set


def test_a_file_does_not_depend_on_the_order_of_features(tmp_path):
    # Messages laid end to end are one, whose entries may come in either order.
    example = tf_example_pb2.Example
    one, two = example(), example()
    one.features.feature["one"].int64_list.value.append(1)
    two.features.feature["two"].int64_list.value.append(2)
    parts = [one.SerializeToString(), two.SerializeToString()]
    for name, order in (("a", parts), ("b", parts[::-1])):
        writer = faces.Steady(file_format=tfds.core.FileFormat.ARRAY_RECORD)
        writer.write(tmp_path / name, [(0, b"".join(order))])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"looks": "odd"}, "known: .'photo', 'stand_in'"),
        ({"priors": "hat=1"}, "Unknown prior 'hat'"),
        ({"backgrounds": "nowhere"}, "no 'nowhere' is there"),
        ({"count": 0, "test_count": 0}, "at least one face"),
        ({"size": 0}, "at least 1 pixel"),
        ({"seed": -1}, "from 0 to 4294967295; got -1"),
        ({"seed": 2**32}, "from 0 to 4294967295"),  # the set of seed 0, silently
        ({"faces_per_file": 33}, "multiples of 32"),
    ],
)
def test_what_cannot_be_is_refused(change, complaint):
    with pytest.raises(UserError, match=complaint):
        faces.make_config(**SMALL | change)
