"""One process of several: trains the toy of test_loop, counts faces, loses its disk.

Run: python -m tests.training.process JOB WORKDIR STEPS PORT PROCESSES PROCESS
"""

import json
import os
import pathlib
import resource
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax import cli, hosts
from lmkjax.data import streams
from lmkjax.evaluation import evaluator, nme
from lmkjax.training import checkpoint, loop, state
from lmkjax.types import Batch
from tests.training import test_loop

FACES = 554


def open_part(start):
    """This process's rows of the toy's batches; slowly, where a test wants so."""
    own = 8 // jax.process_count()
    first = own * jax.process_index()
    for batch in test_loop.open_toy(start):
        time.sleep(float(os.environ.get("STEP_S", "0")))
        yield batch[first : first + own]


def train(workdir, steps):
    """The toy on all devices of all processes."""
    test_loop.train(
        workdir,
        steps,
        devices=jax.devices(),
        fsdp_min_size=int(os.environ.get("FSDP", "0")),
        open_=open_part,
        intervals=loop.Intervals(log_every=1, save_every=8),
    )


def fill(workdir, limit):
    """A checkpoint, and a second one when no file may grow above `limit` bytes."""
    save_twice(
        workdir, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )


def close(workdir, _):
    """A checkpoint, and a second one when the folder may only be read."""
    mount = ["mount", "--bind", str(workdir), str(workdir)]
    again = ["mount", "-o", "remount,bind,ro", str(workdir)]
    save_twice(workdir, lambda: [subprocess.check_call(c) for c in (mount, again)])


def save_twice(workdir, trouble):
    """Two checkpoints, with some trouble between them."""
    kept = checkpoint.Checkpoints(workdir / "checkpoints")
    noise = jax.random.normal(jax.random.key(0), (100, 1000))
    now = state.TrainState(jnp.int32(1), {}, {"w": noise}, {}, jax.random.key(1))
    kept.save(now, {})
    trouble()
    kept.save(now.replace(step=jnp.int32(2)), {})


class Invented:
    """Faces whose points are their number, so that each has an error of its own."""

    def __len__(self):
        return FACES

    def face(self, index):
        return jax.tree.map(lambda x: x[0], self.stack([index]))

    def stack(self, indices):
        rng = np.random.default_rng(0)
        points = rng.uniform(20, 80, (FACES, 68, 2)).astype(np.float32)
        n = len(indices)
        return Batch(
            image=np.asarray(indices, np.float32)[:, None, None, None]
            * np.ones((1, 4, 4, 3), np.float32),
            points=points[np.maximum(indices, 0)],
            visibility=np.zeros((n, 68), np.int8),
            box=np.tile(np.float32([0, 0, 100, 100]), (n, 1)),
            mask=np.asarray(indices) >= 0,
        )


def evaluate(workdir, batch):
    """Every face once, each with the error that its number makes."""
    index, count = jax.process_index(), jax.process_count()
    faces = streams.test(
        Invented(), batch=batch, process_index=index, process_count=count
    )
    points = Invented().stack(np.arange(FACES)).points

    def predict(images):
        number = jnp.maximum(images[:, 0, 0, 0], 0).astype(int)
        return {"direct": jnp.asarray(points)[number] + 0.01 * number[:, None, None]}

    found = evaluator.evaluate(predict, faces, test_set="invented", eyes=nme.IBUG68)
    if hosts.lead():
        text = json.dumps([found.rows, found.errors["direct", "ocular"].tolist()])
        (workdir / "found.json").write_text(text)


def agree(workdir, number):
    """What all are told alike, and what the last process is told otherwise."""
    last = jax.process_index() == number
    hosts.agree({"same": "1", "lengths": "1" * 50 * (1 + last), "seed": str(last)})


def term(workdir, _):
    """Asked to end before there is a loop that listens."""
    (workdir / f"here-{jax.process_index()}").touch()
    time.sleep(60)


def main():
    """Joins the others and does the job."""
    job, workdir, number, port, processes, process = sys.argv[1:]
    if int(processes) > 1:
        hosts.join(f"127.0.0.1:{port}", int(processes), int(process))
    with hosts.together():
        jobs = {"train": train, "evaluate": evaluate, "fill": fill, "close": close}
        jobs |= {"agree": agree, "term": term}
        jobs[job](pathlib.Path(workdir), int(number))


if __name__ == "__main__":
    cli.run(lambda argv: main())
