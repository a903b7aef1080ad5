"""Processes of the loader: the batches of threads, and what ends them."""

import itertools
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from data_builders import build
from lmkjax.data import sources, streams, workers
from lmkjax.errors import UserError
from lmkjax.landmarks import points

ROOT = pathlib.Path(__file__).parents[2]
DUMMY = ROOT / "data_builders/ibug_300w/dummy_data"
OURS = workers.Loading(processes=2, ahead=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("data")
    return build.prepare("ibug_300w", data_dir=home, source=DUMMY)


@pytest.fixture
def canvases(folder):
    source = sources.load(folder, "train")
    return streams.Canvases(source, framing=points.Framing(2.0), size=24, keep=False)


def dtypes(batch):
    return [leaf.dtype for leaf in jax.tree.leaves(batch)]


def test_processes_make_what_threads_make_and_end_with_the_stream(canvases):
    place = {"batch": 10, "seed": 3, "start_step": 7}
    place |= {"process_index": 1, "process_count": 2}
    threads = streams.train(canvases, **place)
    apart = streams.train(canvases, loading=OURS, **place)
    assert canvases.portable and not multiprocessing.active_children()
    first = next(apart)
    children = multiprocessing.active_children()
    assert len(children) == OURS.processes
    # More batches than there is room for: none is overwritten once it is handed out.
    batches = [first, *itertools.islice(apart, 4)]
    for batch, expected in zip(batches, threads, strict=False):
        jax.tree.map(np.testing.assert_array_equal, batch, expected)
        assert dtypes(batch) == dtypes(expected)
    threads.close()
    apart.close()
    assert not any(child.is_alive() for child in children)


def test_a_process_that_is_ended_is_told_in_one_line(canvases):
    stream = streams.train(canvases, batch=4, seed=0, loading=OURS)
    next(stream)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(UserError, match=r"ended before its time.*data.processes=0"):
        for _ in range(1000):
            next(stream)


def test_a_signal_to_all_processes_is_the_parents_to_answer(canvases):
    """Slurm and Ctrl-C tell all processes of a job at once; the run saves itself."""
    stream = streams.train(canvases, batch=4, seed=0, loading=OURS)
    next(stream)
    for child in (children := multiprocessing.active_children()):
        os.kill(child.pid, signal.SIGTERM)
        os.kill(child.pid, signal.SIGINT)
    time.sleep(0.5)
    for _ in range(50):
        next(stream)
    stream.close()
    assert children and not any(child.is_alive() for child in children)


def test_a_face_that_a_process_cannot_make_is_told_as_it_is(canvases):
    class Broken(streams.Canvases):
        def face(self, index):
            if index < 0:
                raise UserError("the face that fills up is broken")
            return super().face(index)

    broken = Broken(canvases.source, framing=canvases.framing, size=24, keep=False)
    stream = streams.test(broken, batch=len(broken) + 1, loading=OURS)
    with pytest.raises(UserError, match="the face that fills up is broken"):
        next(stream)
    assert not multiprocessing.active_children()


def test_faces_that_are_kept_or_labelled_here_stay_with_threads(canvases):
    kept = streams.Canvases(canvases.source, framing=points.Framing(2.0), size=24)
    assert kept.keep and not kept.portable
    own = canvases.source.labelled(lambda *kept: kept)
    labelled = streams.Canvases(own, framing=points.Framing(2.0), size=24, keep=False)
    assert not labelled.portable
    stream = streams.train(kept, batch=2, seed=0, loading=OURS)
    next(stream)
    assert not multiprocessing.active_children()
    stream.close()


def test_a_process_that_may_begin_none_is_told_so(canvases, monkeypatch):
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    with pytest.raises(UserError, match="data.processes=2"):
        next(streams.train(canvases, batch=2, seed=0, loading=OURS))


SCRIPT = """
import sys, time
from lmkjax.data import sources, streams, workers
from lmkjax.landmarks import points

def main():
    import multiprocessing
    source = sources.load(sys.argv[1], "train")
    how = {"framing": points.Framing(2.0), "size": 24, "keep": False}
    loading = workers.Loading(processes=1)
    stream = streams.train(
        streams.Canvases(source, **how), batch=4, seed=0, loading=loading
    )
    next(stream)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    time.sleep(float(sys.argv[2]))
"""
GUARDED = SCRIPT + '\nif __name__ == "__main__":\n    main()\n'


def test_processes_end_with_their_parent_however_it_ends(folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(GUARDED)
    with subprocess.Popen(
        [sys.executable, str(script), str(folder), "60"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as parent:
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    for _ in range(200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"process {child} outlived its parent")


def ended(folder, script, text):
    script.write_text(text)
    return subprocess.run(
        [sys.executable, str(script), str(folder), "0"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=60,
    )


def test_a_stream_that_is_left_open_ends_quietly_with_its_program(folder, tmp_path):
    done = ended(folder, tmp_path / "script.py", GUARDED)
    assert done.returncode == 0 and done.stderr == ""


def test_a_script_without_a_guard_is_told_of_it(folder, tmp_path):
    done = ended(folder, tmp_path / "script.py", SCRIPT + "\nmain()\n")
    assert done.returncode and "under `if __name__ == '__main__':`" in done.stderr
