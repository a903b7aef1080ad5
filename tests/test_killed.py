"""The main job killed at random, five times, is the main job never killed."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from lmkjax.training import averaged

ROOT = pathlib.Path(__file__).parents[1]
STEPS = 60


def start(workdir, data):
    words = ["-m", "lmkjax.train", "--config", "configs/daln.py:tiny"]
    words += ["--workdir", str(workdir), f"--config.data.dir={data}"]
    words += [f"--config.train.steps={STEPS}", "--config.train.save_every=4"]
    env = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    with log_of(workdir).open("a") as log:
        return subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=env, stdout=log, stderr=log
        )


def log_of(workdir):
    return workdir.with_suffix(".log")


def steps_told(workdir):
    file = workdir / "metrics.jsonl"
    return file.read_text().count("\n") if file.exists() else 0


def losses(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [(json.loads(x)["step"], json.loads(x)["loss"]) for x in lines]


@pytest.mark.slow
def test_killed_five_times_is_never_killed(tmp_path):
    data, whole, broken = tmp_path / "data", tmp_path / "whole", tmp_path / "broken"
    assert start(whole, data).wait() == 0
    chance = random.Random(0)
    stops = sorted(chance.sample(range(3, STEPS - 5), 5))
    for i, at in enumerate(stops):
        run = start(broken, data)
        while steps_told(broken) < at and run.poll() is None:
            time.sleep(0.01)
        assert run.poll() is None, log_of(broken).read_text()
        run.send_signal(signal.SIGKILL if i % 2 else signal.SIGTERM)
        assert run.wait() == (-signal.SIGKILL if i % 2 else 0)
    assert start(broken, data).wait() == 0
    assert losses(broken) == losses(whole)
    one, other = (averaged.load(w) for w in (whole, broken))
    jax.tree.map(np.testing.assert_array_equal, one, other)
