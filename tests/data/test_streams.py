"""Streams: shared by processes, resumed, and each test face exactly once."""

import itertools
import threading

import grain
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from launch import programs
from lmkjax.data import sources, streams, workers
from lmkjax.errors import UserError
from lmkjax.landmarks import points
from lmkjax.training import mesh as meshes
from lmkjax.types import Rendered, purpose


@pytest.fixture
def canvases(source):
    return streams.Canvases(source, framing=points.Framing(2.0), size=16)


def collect(iterator, count):
    batches = list(itertools.islice(iterator, count))
    iterator.close()
    return batches


def same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def joined(parts):
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def test_batches_are_pictures_and_what_belongs_to_them(canvases):
    (batch,) = collect(streams.train(canvases, batch=4, seed=0), 1)
    assert batch.image.shape == (4, 16, 16, 3) and batch.image.dtype == np.uint8
    assert batch.points.shape == (4, 3, 2) and batch.points.dtype == np.float32
    assert batch.box.shape == (4, 4) and batch.mask.all()


def test_going_on_at_a_step_is_never_having_stopped(canvases):
    whole = collect(streams.train(canvases, batch=4, seed=3), 9)
    rest = collect(streams.train(canvases, batch=4, seed=3, start_step=6), 3)
    for one, other in zip(whole[6:], rest, strict=True):
        same(one, other)


def test_each_round_sees_every_face_once_in_another_order(canvases):
    # 10 faces in batches of 5: face i has its second point at height 11 + i.
    batches = collect(streams.train(canvases, batch=5, seed=0), 4)
    rounds = [joined(batches[:2]), joined(batches[2:])]
    points = [np.sort(r.points[:, 1, 1]) for r in rounds]
    np.testing.assert_array_equal(points[0], points[1])
    assert len(np.unique(points[0])) == 10
    assert (rounds[0].points != rounds[1].points).any()


def test_another_seed_is_another_order(canvases):
    (one,) = collect(streams.train(canvases, batch=8, seed=0), 1)
    (other,) = collect(streams.train(canvases, batch=8, seed=1), 1)
    assert (one.points != other.points).any()


def test_a_source_smaller_than_a_batch_repeats(source):
    few = sources.subset(source, count=3, seed=0)
    canvases = streams.Canvases(few, framing=points.Framing(2.0), size=16)
    (batch,) = collect(streams.train(canvases, batch=8, seed=0), 1)
    assert len(np.unique(batch.points[:, 1, 1])) == 3


def test_two_processes_see_what_one_sees(canvases):
    for stream in (
        lambda **o: streams.train(canvases, batch=4, seed=0, **o),
        lambda **o: streams.test(canvases, batch=4, **o),
    ):
        whole = collect(stream(), 3)
        parts = [collect(stream(process_index=i, process_count=2), 3) for i in (0, 1)]
        for step, batch in enumerate(whole):
            same(batch, joined([part[step] for part in parts]))


def test_a_test_shows_every_face_once(canvases):
    batches = list(streams.test(canvases, batch=4))
    assert [len(batch.mask) for batch in batches] == [4, 4, 4]
    every = joined(batches)
    assert every.mask.tolist() == [True] * 10 + [False] * 2
    expected = [canvases[i].points for i in range(10)]
    np.testing.assert_array_equal(every.points[:10], expected)


def test_a_batch_that_cannot_be_shared_is_refused(canvases):
    with pytest.raises(UserError, match="cannot be shared by 3"):
        streams.test(canvases, batch=4, process_count=3)


def test_kept_canvases_are_those_made_anew(source, monkeypatch):
    kept = streams.Canvases(source, framing=points.Framing(2.0), size=16)
    anew = streams.Canvases(source, framing=points.Framing(2.0), size=16, keep=False)
    first = kept[4]
    assert kept[4] is first
    assert anew[4] is not anew[4]
    same(first, anew[4])
    monkeypatch.setattr(streams, "MEMORY_LIMIT", 1000)
    assert not streams.Canvases(source, framing=points.Framing(2.0), size=16).keep


def test_rendered_numbers_go_on_and_are_shared():
    stream = streams.rendered(batch=6, start_step=2, process_index=1, process_count=2)
    numbers = [next(stream), next(stream)]
    np.testing.assert_array_equal(numbers, [[15, 16, 17], [21, 22, 23]])
    assert numbers[0].dtype == np.uint32


def rendered(image):
    """Faces with these pictures, of which nothing else matters."""
    b = len(image)
    bytes_ = jnp.zeros((b, 8, 8), jnp.uint8), jnp.zeros((b, 8, 1), jnp.uint8)
    place = jnp.zeros((b, 2)), jnp.ones(b)
    return Rendered(
        image, jnp.zeros((b, 5)), *bytes_, *place, jnp.zeros((b, 4)), jnp.ones(b, bool)
    )


def test_a_drawer_draws_face_i_from_its_own_key():
    def faces(keys):
        colour = jax.vmap(jax.random.uniform)(keys)
        image = jnp.broadcast_to(colour[:, None, None, None], (len(keys), 8, 9, 3))
        return rendered(image)

    draw = jax.jit(streams.drawer(faces, seed=7))
    batch = draw(np.array([3, 2**31], np.uint32))
    for row, number in enumerate((3, 2**31)):
        key = purpose(7, "faces")
        expected = jax.random.uniform(jax.random.fold_in(key, np.uint32(number)))
        np.testing.assert_allclose(batch.image[row, 0, 0, 0], expected, rtol=1e-6)
    assert batch.mask.tolist() == [True] * 2


def test_each_device_draws_its_own_share_of_the_faces():
    """As in a step that works on a batch in two parts: read off the program."""

    def faces(keys):
        return rendered(
            jax.lax.map(lambda key: jax.random.uniform(key, (8, 9, 3)), keys)
        )

    grid = meshes.build(jax.devices()[:8])
    numbers = meshes.put(grid, np.arange(64, dtype=np.uint32))

    def parts(mesh):
        draw = streams.drawer(faces, seed=7, mesh=mesh)

        def step(numbers):
            def add(total, part):
                own = jax.lax.dynamic_index_in_dim(
                    numbers.reshape(32, 2), part, axis=1, keepdims=False
                )
                return total + draw(own).image.sum(), own

            return jax.lax.scan(add, 0.0, jnp.arange(2))[0]

        return jax.jit(step).lower(numbers).compile()

    whole, shared = parts(None), parts(grid)
    # A sum is all that devices tell each other; each draws 4 of 32 faces at a time.
    assert set(programs.Program(shared.as_text()).collectives()) == {"all-reduce"}
    assert "f32[4,8,9,3]" in shared.as_text()
    assert "f32[32,8,9,3]" not in shared.as_text()
    assert "f32[32,8,9,3]" in whole.as_text()  # left to itself: every device draws all
    np.testing.assert_allclose(shared(numbers), whole(numbers), rtol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_order_is_the_one_that_seed_and_step_have_always_had(canvases, threads):
    order = grain.MapDataset.range(10).seed(3).shuffle().repeat(None)
    steps = order.batch(4, drop_remainder=True)[5:]  # as it was before there were many
    stream = streams.train(
        canvases,
        batch=4,
        seed=3,
        start_step=5,
        process_index=1,
        process_count=2,
        loading=workers.Loading(threads, ahead=2),
    )
    for step, batch in enumerate(collect(stream, 6)):
        expected = [canvases[int(i)].points for i in steps[step][2:]]
        np.testing.assert_array_equal(batch.points, expected)


def test_all_workers_make_faces_of_one_batch_and_end_with_the_stream(source):
    together = threading.Barrier(4, timeout=30)  # broken if fewer are at work

    class Waiting(streams.Canvases):
        def face(self, index):
            together.wait()
            return super().face(index)

    canvases = Waiting(source, framing=points.Framing(2.0), size=16)
    loading = workers.Loading(workers=4, ahead=1)
    before = set(threading.enumerate())
    stream = streams.train(canvases, batch=4, seed=0, loading=loading)
    next(stream)
    own = set(threading.enumerate()) - before
    assert len(own) == 4
    stream.close()
    together.abort()
    for thread in own:
        thread.join(10)
    assert not any(thread.is_alive() for thread in own)


def test_a_face_that_cannot_be_made_is_told_and_the_workers_end(source):
    class Broken(streams.Canvases):
        def face(self, index):
            if index == 6:
                raise UserError("face 6 is broken")
            return super().face(index)

    stream = streams.test(Broken(source, framing=points.Framing(2.0), size=16), batch=4)
    assert len(next(stream).mask) == 4
    with pytest.raises(UserError, match="face 6"):
        next(stream)
    with pytest.raises(StopIteration):
        next(stream)
