"""A user's pictures behind faces: read, cut by hand, as bright as they are."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.face.optics import sensor
from lmkjax.face.paint import backdrop, scenery
from lmkjax.face.priors import sample

CUT = jax.jit(backdrop.cut, static_argnames="size")


def choice(**changed):
    """The whole first picture, sharp."""
    values = {
        "there": 1.0,
        "which": 0.0,
        "place": [0.0, 0.0],
        "side": 1.0,
        "flip": 0.0,
        "blur": 0.0,
        "level": 1.0,
    }
    values = {n: jnp.asarray(v, jnp.float32) for n, v in (values | changed).items()}
    return backdrop.Backdrop(**values)


@pytest.fixture
def stack():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (3, 24, 24, 3), np.uint8)


def test_the_whole_picture_at_its_own_size_is_nearly_itself(stack):
    cut = np.asarray(CUT(stack, choice(which=0.5), size=24))
    blurred = (cut - cut.mean()) / cut.std()
    own = (stack[1] - stack[1].mean()) / stack[1].std()
    assert (blurred * own).mean() > 0.9
    mirrored = CUT(stack, choice(which=0.5, flip=1.0), size=24)
    np.testing.assert_allclose(mirrored, cut[:, ::-1], atol=1e-5)


def test_a_part_is_where_it_was_asked_for():
    stack = np.zeros((1, 24, 24, 3), np.uint8)
    stack[0, 12:18, 6:12] = 255  # a square of 6 at (6, 12)
    # Half the side, half way across what is left and all the way down: (6, 12).
    cut = np.asarray(CUT(stack, choice(side=0.5, place=[0.5, 1.0]), size=24))[..., 0]
    np.testing.assert_allclose(cut[1:10, 1:10], 1, atol=0.1)
    np.testing.assert_allclose(cut[15:, 15:], 0, atol=0.05)


def test_blur_takes_the_small_and_keeps_the_mean(stack):
    sharp, soft = (CUT(stack, choice(blur=b), size=48) for b in (0.0, 8.0))
    assert soft.std() < 0.3 * sharp.std()
    assert abs(soft.mean() - sharp.mean()) < 0.02


def test_light_is_what_the_tone_was_made_of():
    light = jnp.geomspace(1e-3, 1.2, 50)
    np.testing.assert_allclose(
        sensor.inverse_tone(sensor.tone(light)), light, rtol=1e-3
    )


def test_what_is_behind_looks_the_same_whatever_the_exposure(stack):
    scene = jax.jit(sample.sample)(jax.random.key(6)).scene
    behind = jax.jit(functools.partial(backdrop.behind, size=16))
    seen = [
        sensor.tone(exposure * behind(stack, choice(), scene, jnp.asarray(exposure)))
        for exposure in (0.5, 3.0)
    ]
    np.testing.assert_allclose(*seen, atol=1e-4)
    np.testing.assert_allclose(seen[0], CUT(stack, choice(), size=16), atol=2e-2)
    none = behind(stack, choice(there=0.0), scene, jnp.ones(()))
    own = jax.jit(functools.partial(scenery.background, size=16))(scene)
    np.testing.assert_allclose(none, own, rtol=1e-5)


@pytest.fixture
def folder(tmp_path):
    for number, size in enumerate([(40, 20), (20, 40), (30, 30)]):
        picture = Image.new("RGB", size, (0, 0, 0))
        middle = [(side - 10) // 2 for side in size]
        picture.paste((200, 100, 50), (*middle, *(m + 10 for m in middle)))
        (tmp_path / "own/sub").mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / f"own/sub/{number}.png")
    return tmp_path / "own"


def test_pictures_are_read_as_the_squares_of_their_middles(folder):
    stack = backdrop.load(folder)
    assert (
        stack.shape == (3, backdrop.SIDE, backdrop.SIDE, 3) and stack.dtype == np.uint8
    )
    half = backdrop.SIDE // 2
    np.testing.assert_array_equal(stack[:, half, half], [[200, 100, 50]] * 3)
    assert not stack[:, :10].any()


def test_of_many_pictures_every_so_manieth_is_taken(folder, monkeypatch):
    monkeypatch.setattr(backdrop, "MOST", 2)
    assert [file.name for file in backdrop.find(folder)] == ["0.png", "1.png"]
    monkeypatch.setattr(backdrop, "MOST", 3)
    assert len(backdrop.find(folder)) == 3


def test_mistakes_are_told(folder):
    with pytest.raises(UserError, match="nowhere' is there"):
        backdrop.load(folder / "nowhere")
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="Wanted photos .*empty'; none"):
        backdrop.load(folder / "empty")
    (folder / "empty/9.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="none .*9.png: wanted a photo that can be"):
        backdrop.load(folder / "empty")


def test_a_picture_that_cannot_be_read_costs_itself_and_is_named(folder, capsys):
    whole = backdrop.load(folder)
    assert not capsys.readouterr().err
    (folder / "sub/9.png").write_bytes(b"no picture")
    (folder / "2.heic").write_bytes(b"another kind")
    np.testing.assert_array_equal(backdrop.load(folder), whole)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and ".heic" in told[0]
    assert told[1].startswith("Left out ") and "9.png: wanted a photo" in told[1]
