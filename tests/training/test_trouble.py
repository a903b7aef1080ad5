"""Figures that are not finite, checkpoints that cannot be read, memory that is out."""

import errno
import json
import pathlib
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.training import averaged, checkpoint, loop, step, trouble
from tests.training import test_loop

STEPS, BAD = 50, 4
"""How many steps, and the one, counted from 0, in which something is not finite."""


def poisoned(what):
    """The toy's loss with something that is not finite in step `BAD`."""

    def loss(params, key, batches, *, moment):
        value, metrics = test_loop.loss(params, key, batches, moment=moment)
        bad = jnp.round(moment.progress * STEPS) == BAD
        if what == "gradient_norm":  # 0 itself, but infinitely steep there
            wrong = jax.lax.cond(
                bad, lambda: jnp.sqrt(0 * params["b"].sum()), lambda: 0.0
            )
        else:
            wrong = jnp.where(bad, jnp.nan, 0.0)
            metrics |= {what: (wrong, jnp.ones(()))}
        value += wrong
        one = jnp.ones(())
        return value, metrics | {"loss": (value, one), "calm": (one, one)}

    return loss


def train(workdir, what, intervals):
    grid, first = test_loop.begin(jax.devices()[:1])
    one_step = step.build(
        test_loop.of(poisoned(what)),
        test_loop.OPTIMIZER,
        peak=0.1,
        warmup_steps=2,
        ema=0.9,
    )
    return loop.run(
        first,
        one_step,
        {"toy": test_loop.open_toy},
        grid,
        workdir,
        length=loop.Length(STEPS, 0.0),
        intervals=intervals,
    )


def strict(line):
    """A line as JSON, which knows no NaN."""

    def refuse(word):
        raise AssertionError(word)

    return json.loads(line, parse_constant=refuse)


@pytest.mark.parametrize(
    ("what", "log_every", "save_every", "last"),
    [("wild", 3, 2, 6), ("gradient_norm", 100, 3, 6), ("wild", 8, 100, 8)],
)
def test_what_is_not_finite_stops_the_run_and_the_last_finite_state_stays(
    tmp_path, what, log_every, save_every, last
):
    with pytest.raises(UserError, match=f"'{what}' was nan at step 5") as told:
        train(tmp_path, what, loop.Intervals(log_every, save_every))
    assert "\n" not in str(told.value) and "learning_rate" in str(told.value)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    seen = [strict(line) for line in lines]
    assert seen[-1]["step"] == last and seen[-1]["calm"] == 1
    ruined = what == "gradient_norm"  # a loss alone may be itself again later
    assert (seen[-1]["weights_norm"] is None) == ruined
    kept = checkpoint.steps(tmp_path / "checkpoints")
    assert kept == [s for s in (2, 3, 4) if s % save_every == 0][-2:]
    if kept:
        assert f"checkpoint of step {kept[-1]} is kept" in str(told.value)
        assert f"init_from={tmp_path}" in str(told.value)
        weights = averaged.load(tmp_path)
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(weights))


def failing(error):
    """A train step whose device has something to say."""

    class Step:
        def lower(self, *args):
            return self

        def compile(self):
            return self

        def cost_analysis(self):
            return {}

        def __call__(self, *args):
            raise error

    return Step()


@pytest.mark.parametrize(
    "error",
    [
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 B"),
        MemoryError(),
    ],
)
def test_a_device_without_memory_names_the_fields_that_help(tmp_path, error):
    grid, first = test_loop.begin(jax.devices()[:1])
    arguments = (first, failing(error), {"toy": test_loop.open_toy}, grid, tmp_path)
    with pytest.raises(UserError, match="train.batch.*train.accumulate"):
        loop.run(*arguments, length=loop.Length(5, 0.0), intervals=test_loop.INTERVALS)


def test_another_error_of_a_device_stays_what_it_is(tmp_path):
    grid, first = test_loop.begin(jax.devices()[:1])
    step = failing(jax.errors.JaxRuntimeError("INTERNAL: nobody knows"))
    with pytest.raises(jax.errors.JaxRuntimeError, match="nobody knows"):
        loop.run(
            first,
            step,
            {"toy": test_loop.open_toy},
            grid,
            tmp_path,
            length=loop.Length(5, 0.0),
            intervals=test_loop.INTERVALS,
        )


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OSError(errno.EIO, "Input/output error"), True),
        (OSError(errno.ESTALE, "Stale file handle"), True),
        (PermissionError(errno.EACCES, "Permission denied"), True),
        (MemoryError(), True),
        (TimeoutError(), True),
        (ValueError("Error reading x: [OS error 12: ENOMEM Cannot allocate]"), True),
        (caused(ValueError("could not read"), OSError(errno.ENOMEM, "")), True),
        (ExceptionGroup("several", [ValueError(), OSError(errno.EIO, "")]), True),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 9 bytes"), True),
        (FileNotFoundError(errno.ENOENT, "No such file"), False),
        (ValueError("NOT_FOUND: [OS error 2: ENOENT No such file]"), False),
        (ValueError("DATA_LOSS: checksum"), False),
        (json.JSONDecodeError("Expecting value", "", 0), False),
        (KeyError("params"), False),
    ],
)
def test_trouble_that_may_pass_is_told_from_damage(error, passes):
    assert trouble.passing(error) == passes


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """A run with checkpoints 6 and 7 that is to go on, and does not wait long."""
    test_loop.train(tmp_path, 10, open_=test_loop.stopping(7))
    monkeypatch.setattr(checkpoint, "PAUSES_S", (0.0, 0.0, 0.0))
    return tmp_path


def names(workdir):
    folder = pathlib.Path(workdir) / "checkpoints"
    return sorted(p.name for p in folder.iterdir())


def hiccup(monkeypatch, times):
    """Orbax on a drive that fails so many times, and how often it was asked."""
    read, asked = checkpoint.ocp.CheckpointManager.restore, []

    def restore(self, *args, **kwargs):
        asked.append(args)
        if len(asked) <= times:
            raise OSError(errno.EIO, "Input/output error")
        return read(self, *args, **kwargs)

    monkeypatch.setattr(checkpoint.ocp.CheckpointManager, "restore", restore)
    return asked


def test_a_drive_that_comes_back_costs_nothing(stopped, monkeypatch):
    asked, before = hiccup(monkeypatch, 2), names(stopped)
    assert "7" in before
    assert test_loop.train(stopped, 8).finished
    assert len(asked) == 3 and "damaged-7" not in names(stopped)
    assert test_loop.losses(stopped)[-1][0] == 8


def test_a_drive_that_stays_away_is_told_and_nothing_renamed(stopped, monkeypatch):
    asked, before = hiccup(monkeypatch, 99), names(stopped)
    with pytest.raises(UserError, match="Input/output error.*nothing was changed"):
        test_loop.train(stopped, 8)
    assert len(asked) == 4 and names(stopped) == before


def test_a_checkpoint_of_other_shapes_is_refused_with_the_leaf(stopped, monkeypatch):
    before = names(stopped)

    def another(devices, **kwargs):
        grid, first = begin(devices, **kwargs)
        wider = {"w": jnp.zeros((5, 8)), "b": jnp.zeros(8)}
        return grid, first.replace(params=wider)

    begin = test_loop.begin
    monkeypatch.setattr(test_loop, "begin", another)
    with pytest.raises(UserError, match=r"params/w is \(4, 8\) there and \(5, 8\)"):
        test_loop.train(stopped, 8)
    assert names(stopped) == before


def broken(kind, file):
    """A file of weights that cannot be read, in one of several ways."""
    averaged.save({"w": np.arange(200.0)}, file, nme=3.0)
    whole = file.read_bytes()
    if kind == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif kind == "text":
        file.write_text("no zip")
    elif kind == "empty":
        file.write_bytes(b"")
    elif kind == "flipped":
        middle = len(whole) // 3
        file.write_bytes(whole[:middle] + bytes(8) + whole[middle + 8 :])
    elif kind == "packed":  # a stream that zlib does not know
        head = 30 + len("w.npy") + whole[28] + 256 * whole[29]
        file.write_bytes(whole[:head] + bytes([255] * 8) + whole[head + 8 :])
    elif kind == "locked":  # a flag that says that it wants a password
        at = whole.rindex(b"PK\1\2", 0, whole.rindex(b"PK\1\2"))
        flags = bytes([whole[at + 8] | 1])
        file.write_bytes(whole[: at + 8] + flags + whole[at + 9 :])
    elif kind == "pickled":
        np.savez(file, w=np.array([{"a": 1}], object))
    elif kind == "other":
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("w.npy", b"no array")


@pytest.mark.parametrize(
    "kind",
    ["cut", "text", "empty", "flipped", "packed", "locked", "pickled", "other"],
)
def test_a_broken_file_of_weights_is_named(kind, tmp_path):
    broken(kind, tmp_path / averaged.EXPORTED)
    with pytest.raises(UserError, match="Cannot read the weights in .*weights.npz"):
        averaged.load(tmp_path)


def test_weights_come_back_without_what_is_noted_beside_them(tmp_path):
    file = tmp_path / averaged.BEST
    averaged.save({"a": {"w": np.arange(3.0)}}, file, nme=3.5, step=7)
    np.testing.assert_array_equal(
        averaged.load(tmp_path, best=True)["a"]["w"], [0, 1, 2]
    )
    assert averaged.notes(file) == {"nme": 3.5, "step": 7.0}
    with pytest.raises(UserError, match="Wanted a trained run"):
        averaged.load(tmp_path)


def test_a_checkpoint_without_weights_of_ours_is_named(stopped):
    for file in (stopped / "checkpoints/7/state").rglob("*"):
        if file.is_file():
            file.write_bytes(b"{}")
    with pytest.raises(UserError, match=r"checkpoints/7.*Other checkpoints there: \[6"):
        averaged.load(stopped)
    with pytest.raises(UserError, match="validation_faces"):
        averaged.load(stopped, best=True)
