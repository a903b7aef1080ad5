"""Several processes are one run: the same numbers, one end, every face once."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from lmkjax import hosts
from lmkjax.errors import UserError
from lmkjax.training import averaged

ROOT = pathlib.Path(__file__).parents[2]
DEVICES = 4
"""Pretended devices of all processes together; the toy's `w` has two columns each."""


def start(job, workdir, number, processes, *, devices=DEVICES, under=(), **env):
    """The processes of one run, started, each by the command `under`."""
    port, env = free_port(), {"devices": devices, "under": under} | env
    return [
        begin(job, workdir, number, port, processes, i, **env) for i in range(processes)
    ]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def begin(
    job, workdir, number, port, processes, i, *, devices=DEVICES, under=(), **env
):
    """One process of a run, started by the command `under`."""
    flags = f"--xla_force_host_platform_device_count={devices // processes}"
    env = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"} | env
    command = [*under, sys.executable, "-m", "tests.training.process"]
    command += [job, str(workdir), str(number), port, str(processes), str(i)]
    return subprocess.Popen(
        command,
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(started, *, wait_s=100):
    """What each process said, and its exit code."""
    try:
        said = [p.communicate(timeout=wait_s)[0] for p in started]
    finally:
        for process in started:
            process.kill()
    return said, [p.returncode for p in started]


def run(job, workdir, number, processes, **kwargs):
    said, codes = end(start(job, workdir, number, processes, **kwargs))
    assert set(codes) == {0}, "\n".join(said)
    return said


def losses(workdir):
    text = (workdir / "metrics.jsonl").read_text()
    return [(r["step"], r["loss"]) for r in map(json.loads, text.splitlines())]


def same(one, other):
    a, b = losses(one), losses(other)
    assert [s for s, _ in a] == [s for s, _ in b]
    # Sums over faces are taken in another order: float32 to a few last digits.
    np.testing.assert_allclose([v for _, v in a], [v for _, v in b], rtol=1e-5)
    weights = [averaged.load(f) for f in (one, other)]
    for name in ("w", "b"):
        np.testing.assert_allclose(weights[0][name], weights[1][name], atol=1e-6)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("alone")
    run("train", workdir, 24, 1)
    return workdir


def test_two_processes_train_as_one(alone, tmp_path):
    run("train", tmp_path, 24, 2)
    same(tmp_path, alone)


def wait_for_step(workdir, step, *, within_s=60):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if (workdir / "metrics.jsonl").exists():
            if (found := losses(workdir)) and found[-1][0] >= step:
                return
        time.sleep(0.05)
    raise AssertionError(f"no step {step} within {within_s} s")


def test_a_run_goes_on_with_other_processes_and_devices(alone, tmp_path):
    for processes, devices in ((2, 4), (1, 2)):
        slow = {"STEP_S": "0.2", "FSDP": "10"}
        step = losses(tmp_path)[-1][0] if (tmp_path / "metrics.jsonl").exists() else 0
        started = start("train", tmp_path, 24, processes, devices=devices, **slow)
        wait_for_step(tmp_path, step + 2)
        started[0].send_signal(signal.SIGTERM)
        said, codes = end(started)
        assert set(codes) == {0}, said
    assert "Going on from step 8." in said[0]
    run("train", tmp_path, 24, 2)
    same(tmp_path, alone)


def test_sigterm_to_one_process_stops_and_saves_all(alone, tmp_path):
    started = start("train", tmp_path, 24, 2, STEP_S="0.2")
    wait_for_step(tmp_path, 2)
    started[1].send_signal(signal.SIGTERM)
    said, codes = end(started)
    assert codes == [0, 0], said
    assert losses(tmp_path)[-1][0] < 24
    run("train", tmp_path, 24, 2)
    same(tmp_path, alone)


@pytest.mark.parametrize(
    "victim",
    [0, pytest.param(1, marks=pytest.mark.slow)],  # 1: by its missed heartbeats
)
def test_a_killed_process_ends_the_other_and_both_go_on(victim, alone, tmp_path):
    started = start("train", tmp_path, 24, 2, STEP_S="0.2")
    wait_for_step(tmp_path, 10)
    started[victim].kill()
    began = time.monotonic()
    said, codes = end(started)
    assert time.monotonic() - began < 60
    assert codes[1 - victim] not in (0, None)
    assert "because another one died. Start all of them again" in said[1 - victim]
    run("train", tmp_path, 24, 2)
    same(tmp_path, alone)


def stopped_at_16(workdir):
    """A run of two processes with the checkpoints 8 and 16."""
    started = start("train", workdir, 24, 2, STEP_S="0.2")
    wait_for_step(workdir, 17)
    for process in started:
        process.kill()
    end(started)
    found = {int(p.name) for p in (workdir / "checkpoints").glob("*[0-9]")}
    assert {8, 16} <= found


def test_two_processes_take_the_checkpoint_before_a_damaged_one(alone, tmp_path):
    stopped_at_16(tmp_path)
    files = [p for p in (tmp_path / "checkpoints" / "16").rglob("*") if p.is_file()]
    for file in sorted(files)[::2]:
        file.unlink()
    said = run("train", tmp_path, 24, 2)
    assert "checkpoints/16 is damaged" in "".join(said)
    assert "Going on from step 8." in "".join(said)
    same(tmp_path, alone)


def test_a_full_disk_is_told_and_the_last_checkpoint_kept(tmp_path):
    said, codes = end(start("fill", tmp_path, 50_000, 1))
    assert codes == [2], said
    last = said[0].splitlines()[-1]  # a thread of Orbax's may say its part before
    assert last.startswith("error: Could not write a checkpoint")
    assert "Whole ones there: [1]" in last
    assert averaged.load(tmp_path)["w"].shape == (100, 1000)


@pytest.fixture
def may_mount():
    """What gives a process mounts of its own: root may write what is read-only."""
    command = ("unshare", "--map-root-user", "--mount")
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot mount a folder read-only here: {error}")
    return command


def test_a_folder_closed_meanwhile_is_told_and_the_last_checkpoint_kept(
    may_mount, tmp_path
):
    said, codes = end(start("close", tmp_path, 0, 1, under=may_mount))
    assert codes == [2], said
    last = said[0].splitlines()[-1]
    assert last.startswith("error: Could not write a checkpoint")
    assert "Read-only file system" in last and "Whole ones there: [1]" in last
    assert averaged.load(tmp_path)["w"].shape == (100, 1000)


def test_a_folder_that_can_only_be_read_is_refused_at_once(may_mount, tmp_path):
    closed = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    command = [*may_mount, "sh", "-c", closed, str(tmp_path)]
    command += [
        sys.executable,
        "-m",
        "lmkjax.train",
        "--config",
        "configs/daln.py:tiny",
    ]
    command += ["--workdir", str(tmp_path / "run"), "--config.data.dir=/nowhere"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    told = (
        f"error: Wanted a folder that can be written as --workdir; {tmp_path} cannot."
    )
    assert done.stderr.splitlines()[-1] == told


def test_every_test_face_counts_once_on_three_processes(tmp_path):
    run("evaluate", tmp_path, 48, 3, devices=3)
    three = json.loads((tmp_path / "found.json").read_text())
    run("evaluate", tmp_path, 64, 1, devices=1)
    one = json.loads((tmp_path / "found.json").read_text())
    assert three[0][0]["faces"] == one[0][0]["faces"] == 554
    np.testing.assert_allclose(three[1], one[1], rtol=1e-6)
    for a, b in zip(three[0], one[0], strict=True):
        assert a["nme"] == pytest.approx(b["nme"], rel=1e-6)


@pytest.mark.parametrize(
    "given", [("h:1", 2, None), (None, None, 0), ("h:1", 2, 2), ("h", 2, 0)]
)
def test_flags_that_do_not_fit_are_refused(given):
    with pytest.raises(UserError, match="Wanted --coordinator"):
        hosts.join(*given)


def test_processes_that_are_not_told_the_same_are_refused_alike(tmp_path):
    said, codes = end(start("agree", tmp_path, 2, 3, devices=3))
    assert codes == [2, 2, 2], said
    told = "2 differ from process 0 in: lengths, seed. Start the same command"
    assert all(told in one for one in said)
    run("agree", tmp_path, 7, 2)  # here no process is the last


def test_a_folder_that_one_host_alone_sees_is_refused(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    run("train", one, 8, 1)
    other.mkdir()
    port = free_port()
    folders = enumerate([one, other])
    said, codes = end([begin("train", f, 24, port, 2, i) for i, f in folders])
    assert codes == [2, 2], said
    assert all("1 differ from process 0 in: checkpoints." in one for one in said)


def test_sigterm_before_the_first_step_ends_a_process(tmp_path):
    started = start("term", tmp_path, 0, 2)
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("here-*"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    for process in started:
        process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    said, codes = end(started)
    assert codes == [-signal.SIGTERM] * 2, said
    assert time.monotonic() - began < 30


def test_a_cloud_that_tells_of_nobody_is_told_in_one_line(monkeypatch):
    def nobody(*_, **__):
        raise ConnectionError("metadata.google.internal")

    monkeypatch.setattr(hosts, "expected", lambda: True)
    monkeypatch.setattr(hosts.jax.distributed, "initialize", nobody)
    with pytest.raises(UserError, match="--processes 1 --process 0 says so"):
        hosts.join(None, None, None)


@pytest.mark.parametrize(
    ("env", "several"),
    [
        ({}, False),
        ({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}, False),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_LOCALID": "0"}, False),
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_LOCALID": "0"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, True),
    ],
)
def test_only_the_environment_of_several_processes_starts_them(env, several):
    assert hosts.expected(env) == several
