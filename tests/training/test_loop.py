"""The loop on a toy: as long as asked, and a run taken up again is the same run."""

import functools
import json
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.training import log, loop, mesh, optim, state, step

OPTIMIZER = optim.adamw(weight_decay=0.1, clip_norm=1.0)
INTERVALS = loop.Intervals(log_every=1, save_every=3)


def loss(params, key, batches, *, moment):
    noise = jax.random.normal(key, (8, 8))
    error = batches["toy"] @ params["w"] + params["b"][None] - 1 + 0.1 * noise
    value = jnp.square(error).mean()
    return value, {"loss": (value, jnp.ones(()))}


def of(loss):
    """The gradient of a loss, as an objective gives it; nothing is kept."""

    def gradient(params, key, batches, *, moment):
        some = functools.partial(loss, moment=moment)
        return *jax.grad(some, has_aux=True)(params, key, batches), {}

    return gradient


def open_toy(start):
    for i in range(start, 10_000):
        yield np.random.default_rng(i).normal(size=(8, 4)).astype(np.float32)


def begin(devices, *, fsdp_min_size=0):
    def init(key):
        return {"w": jax.random.normal(key, (4, 8)) * 0.1, "b": jnp.zeros(8)}

    grid = mesh.build(devices)
    first = state.create(
        state.Start(init, OPTIMIZER), grid, seed=1, fsdp_min_size=fsdp_min_size
    )
    return grid, first


def train(
    workdir,
    steps,
    *,
    devices=None,
    fsdp_min_size=0,
    open_=open_toy,
    intervals=INTERVALS,
    validation=None,
):
    grid, first = begin(devices or jax.devices()[:1], fsdp_min_size=fsdp_min_size)
    one_step = step.build(of(loss), OPTIMIZER, peak=0.1, warmup_steps=2, ema=0.9)
    return loop.run(
        first,
        one_step,
        {"toy": open_},
        grid,
        workdir,
        length=loop.Length(steps, 0.0),
        intervals=intervals,
        validation=validation,
    )


def lines(workdir):
    text = (workdir / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def losses(workdir):
    return [(line["step"], line["loss"]) for line in lines(workdir)]


def equal(one, other):
    a, b = (jax.tree.leaves((s.params, s.ema, s.opt_state)) for s in (one, other))
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, train(workdir, 10)


def test_the_loop_takes_the_steps_asked_for_and_the_loss_falls(never_stopped):
    workdir, result = never_stopped
    told = losses(workdir)
    assert result.finished and int(result.state.step) == 10
    assert [number for number, _ in told] == list(range(1, 11))
    assert told[-1][1] < 0.7 * told[0][1]
    assert list((workdir / "tensorboard").iterdir())


def stopping(at):
    """A stream that sends SIGTERM while step `at` - 1 is at work."""

    def open_and_stop(start):
        for i, batch in enumerate(open_toy(start), start):
            if i == at:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    return open_and_stop


@pytest.mark.parametrize("at", [4, 6])
def test_a_run_stopped_by_sigterm_and_resumed_was_never_stopped(
    tmp_path, never_stopped, at
):
    halted = train(tmp_path, 10, open_=stopping(at))
    assert not halted.finished and int(halted.state.step) == at
    resumed = train(tmp_path, 10)
    equal(resumed.state, never_stopped[1].state)
    assert losses(tmp_path) == losses(never_stopped[0])


def test_a_run_killed_between_checkpoints_and_resumed_was_never_stopped(
    tmp_path, never_stopped
):
    class Killed(BaseException):
        pass

    def open_and_die(start):
        for i, batch in enumerate(open_toy(start), start):
            if i == 5:
                raise Killed
            yield batch

    with pytest.raises(Killed):
        train(tmp_path, 10, open_=open_and_die)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "lo')  # cut short
    resumed = train(tmp_path, 10)
    equal(resumed.state, never_stopped[1].state)
    assert losses(tmp_path) == losses(never_stopped[0])


def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(
    tmp_path, never_stopped, capsys
):
    train(tmp_path, 10, open_=stopping(7))
    files = sorted(p for p in (tmp_path / "checkpoints/7").rglob("*") if p.is_file())
    for file in files[::2]:
        file.unlink()
    resumed = train(tmp_path, 10)
    assert "checkpoints/7 is damaged" in capsys.readouterr().out
    equal(resumed.state, never_stopped[1].state)


def test_a_line_that_lost_its_end_is_not_run_into_the_next(tmp_path):
    (tmp_path / log.FILE).write_text('{"step": 1, "loss": 2.0}')
    own = log.Log(tmp_path, step=1)
    own.write(2, {"loss": 1.0})
    own.close()
    lines = (tmp_path / log.FILE).read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]


def test_a_finished_run_is_not_trained_on(never_stopped, tmp_path):
    workdir, result = never_stopped
    equal(train(workdir, 10).state, result.state)


def close(one, other):
    a, b = (jax.tree.leaves(s.params) for s in (one, other))
    for x, y in zip(a, b, strict=True):
        # Sums over faces are taken in another order: float32 to a few last digits.
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_eight_devices_give_what_one_gives(tmp_path, never_stopped):
    eight = train(tmp_path, 10, devices=jax.devices()[:8])
    close(eight.state, never_stopped[1].state)


def test_sharded_parameters_give_what_whole_ones_give(tmp_path, never_stopped):
    devices = jax.devices()[:4]  # two columns of `w` each
    _, first = begin(devices, fsdp_min_size=10)
    assert first.params["w"].addressable_shards[0].data.shape == (4, 2)
    assert first.params["b"].addressable_shards[0].data.shape == (8,)
    moments = [x for x in jax.tree.leaves(first.opt_state) if x.shape == (4, 8)]
    assert {x.addressable_shards[0].data.shape for x in moments} == {(4, 2)}
    sharded = train(tmp_path, 10, devices=devices, fsdp_min_size=10)
    assert sharded.state.ema["w"].addressable_shards[0].data.shape == (4, 2)
    close(sharded.state, never_stopped[1].state)


@pytest.mark.parametrize(("steps", "minutes"), [(0, 0.0), (10, 1.0), (-1, 0.0)])
def test_a_length_must_be_steps_or_minutes(steps, minutes):
    with pytest.raises(UserError, match="train.steps"):
        loop.Length(steps, minutes)


def test_a_length_by_the_clock_follows_the_clock():
    length = loop.Length(0, 2.0)
    assert length.progress(10**6, 30.0) == 0.25
    assert length.progress(0, 1e9) == 1.0
