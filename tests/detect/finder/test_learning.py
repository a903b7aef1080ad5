"""Learning to find faces: scenes and what is asked of them; a few steps find one."""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.detect.finder import __main__ as program
from lmkjax.detect.finder import heads, learning, looking, scenes, targets
from lmkjax.errors import UserError
from lmkjax.models import face_finder
from lmkjax.training import averaged
from lmkjax.types import host_seed


@pytest.fixture(scope="module")
def pool():
    """Drawn heads: light faces with dark eyes and mouth on a body."""
    size = heads.SIZE
    y, x = np.mgrid[:size, :size]
    images, kinds = np.full((3, size, size, 3), 90, np.uint8), np.zeros((3, size, size))
    body = (y > 105) & (np.abs(x - 80) < 60)
    face = ((x - 80) / 32) ** 2 + ((y - 70) / 40) ** 2 < 1
    dark = ((y - 60) ** 2 + (np.abs(x - 80) - 14) ** 2 < 30) | (
        (np.abs(y - 92) < 4) & (np.abs(x - 80) < 14)
    )
    for one in range(3):
        for where, kind, colour in ((body, 7, 60 + 40 * one), (face, 1, 210)):
            images[one][where], kinds[one][where] = colour, kind
        images[one][dark] = 20
    angles = np.linspace(0, 2 * np.pi, 68)
    points = np.stack([80 + 30 * np.cos(angles), 70 + 38 * np.sin(angles)], -1)
    seen = np.array([True, True, False])
    return heads.Heads(images, kinds.astype(np.uint8), np.stack([points] * 3), seen)


def test_a_scene_is_its_seeds_and_asks_for_faces_that_show(pool):
    drawn = [scenes.draw(np.random.RandomState(n), pool, 128) for n in range(24)]
    again = scenes.draw(np.random.RandomState(3), pool, 128)
    np.testing.assert_array_equal(drawn[3].image, again.image)
    count = [len(scene.boxes) for scene in drawn]
    assert min(count) == 0 and max(count) >= 3
    asked = [target.near.max() for target in map(targets.of, drawn)]
    assert 0 in asked and 1 in asked


def test_the_target_of_a_face_by_hand():
    image = np.zeros((64, 96, 3), np.uint8)
    boxes = np.float32([[8, 8, 32, 32], [40, 8, 62, 30], [0, 0, 90, 90]])
    target = targets.of(scenes.Scene(image, boxes, np.array([True, False, True])))
    assert target.near.shape == (8, 12) and (target.near == 1).sum() == 1
    assert target.near[2, 2] == 1 or target.near[2, 1] == 1
    row, column = np.unravel_index(target.near.argmax(), target.near.shape)
    np.testing.assert_array_equal(target.boxes[row, column], boxes[0])
    assert target.asked[2, 6] == 0 and target.asked[7, 11] == 1


def test_an_answer_and_its_box_by_hand():
    said = np.zeros((1, 4, 4, 5), np.float32)
    said[0, 1, 2] = 3.0, 0.5, -0.25, 0.0, np.log(2)
    box = np.asarray(face_finder.boxes(jnp.asarray(said)))[0, 1, 2]
    np.testing.assert_allclose(box, [24 - 12, 10 - 24, 24 + 12, 10 + 24], atol=1e-4)


@pytest.fixture(scope="module")
def bank(pool, tmp_path_factory):
    """Scenes of these heads, as two calls of one process each write them."""
    home = tmp_path_factory.mktemp("bank")
    (home / "heads").mkdir()
    heads.write(home / "heads", pool, "drawn by hand")
    return targets.load(home / "scenes", home / "heads", count=48, size=128, seed=0)


def test_scenes_are_made_once_and_are_those_of_their_seed(bank, pool):
    rng = np.random.RandomState(host_seed(0, "scene 5"))
    scene = scenes.draw(rng, pool, 128)
    image, target = bank.of(np.array([5]))
    np.testing.assert_array_equal(image[0], scene.image)
    np.testing.assert_array_equal(target.boxes[0], targets.of(scene).boxes)
    home = pathlib.Path(bank.images.filename).parents[1]
    ask = functools.partial(targets.load, home / "scenes", home / "heads", size=128)
    again = ask(count=48, seed=0)
    np.testing.assert_array_equal(again.target.near, bank.target.near)
    with pytest.raises(UserError, match="other scenes"):
        ask(count=48, seed=1)


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--seed", "-1"), ("--rate", "nan"), ("--minutes", "-2"), ("--size", "100")],
)
def test_a_wrong_flag_is_refused_before_anything_is_drawn(flag, value, tmp_path):
    with pytest.raises(UserError, match=f"{flag} wants"):
        program.main(["--workdir", str(tmp_path / "run"), flag, value])
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_several_processes_make_the_same_scenes(bank, tmp_path, monkeypatch):
    monkeypatch.setattr(targets, "TOGETHER", 24)
    monkeypatch.setattr(targets.workers, "cores", lambda: 2)
    pool = pathlib.Path(bank.images.filename).parents[1] / "heads"
    ask = functools.partial(targets.load, count=48, size=128, seed=0)
    again = ask(tmp_path / "scenes", pool)
    np.testing.assert_array_equal(again.images, bank.images)
    np.testing.assert_array_equal(again.target.boxes, bank.target.boxes)


def test_another_look_moves_boxes_as_it_moves_what_is_seen():
    image = np.zeros((96, 96, 3), np.uint8)
    image[40:56, 24:48] = 200  # the box, and nothing else
    box = np.float32([[24, 40, 48, 56]])
    wanted = targets.of(scenes.Scene(image, box, np.array([True])))
    looks = set()
    for number in range(12):
        seen, own = learning.seen(jax.random.key(number), image, wanted, 64)
        lit = np.argwhere(np.asarray(seen).mean(-1) > 0.4)
        (top, left), (bottom, right) = lit.min(0), lit.max(0) + 1
        told = np.asarray(own.boxes)[np.asarray(own.weight) > 0.5]
        assert seen.shape == (64, 64, 3) and own.near.shape == (8, 8)
        np.testing.assert_allclose(
            told, np.tile([left, top, right, bottom], (len(told), 1))
        )
        looks.add((int(left), int(top)))
    assert len(looks) > 6


def test_a_loss_that_is_no_number_ends_it_and_what_was_kept_stays(
    bank, tmp_path, monkeypatch
):
    monkeypatch.setattr(learning, "KEEP_EVERY", 2)
    monkeypatch.setattr(
        *(learning, "_begin"),
        lambda *_: learning.State(*[{"w": jnp.zeros(2)}] * 3),
    )

    def step(state, images, wanted, number, rate):
        loss = jnp.where(number < 3, 1.0, jnp.nan)
        params = {"w": state.params["w"] + loss}
        return learning.State(*[params] * 3), (loss, loss)

    monkeypatch.setattr(learning, "_step", lambda *_: step)
    with pytest.raises(UserError, match=r"At step 4 .* smaller --rate than 0.5"):
        learning.train(tmp_path, bank, learning.Options(steps=9, batch=2, rate=0.5))
    kept = averaged.load(tmp_path)
    np.testing.assert_array_equal(kept["w"], [2, 2])


def test_it_learns_and_goes_on_where_it_was_broken_off(bank, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "KEEP_EVERY", 6)
    options = learning.Options(steps=12, batch=4, size=96, rate=3e-3)
    losses = learning.train(tmp_path, bank, options)
    assert np.isfinite(losses).all() and np.mean(losses[-4:]) < np.mean(losses[:4])
    more = learning.train(tmp_path, bank, options._replace(steps=14))
    assert len(more) == 2
    brief = options._replace(steps=10**6, minutes=1e-4)
    assert len(learning.train(tmp_path, bank, brief)) <= 2  # the first takes longer
    looking.Finder(tmp_path)(scenes.Image.new("RGB", (64, 64)))
