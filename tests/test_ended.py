"""How a command ends: Ctrl-C, no memory, and a second run in a folder."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import pytest

from lmkjax import cli, files, train
from lmkjax.errors import UserError

ROOT = pathlib.Path(__file__).parents[1]

BUSY = """
import signal, sys, threading, time
from lmkjax import cli, files
# A shell that starts the tests in the background lets them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
def main(argv):
    threading.Thread(target=time.sleep, args=(60,)).start()  # as Orbax's and Grain's
    with files.folder(sys.argv[1], ours=["*"]) as new:
        (new / "half").write_text("half")
        print("busy", flush=True)
        time.sleep(60)
cli.run(main)
"""


def test_ctrl_c_is_one_line_and_leaves_nothing_half_written(tmp_path):
    command = [sys.executable, "-c", BUSY, str(tmp_path / "out")]
    busy = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert busy.stdout.readline() == "busy\n"
    began = time.monotonic()
    busy.send_signal(signal.SIGINT)
    _, told = busy.communicate(timeout=30)
    assert time.monotonic() - began < 20  # no thread is waited for
    assert busy.returncode == 130 and told.count("\n") == 1 and "Ctrl-C" in told
    assert not list(tmp_path.iterdir())


LOST = """
import signal, sys, time
from lmkjax import cli
signal.signal(signal.SIGINT, signal.default_int_handler)
class Collected:
    def __del__(self):  # nothing can be raised here, as in a garbage collection
        raise KeyboardInterrupt
def main(argv):
    Collected()
    for _ in range(100):
        time.sleep(0.1)
cli.run(main)
"""


def test_a_ctrl_c_that_comes_where_nothing_can_be_raised_counts():
    done = subprocess.run(
        [sys.executable, "-c", LOST], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 130
    assert done.stderr.count("\n") == 1 and "Stopped by Ctrl-C" in done.stderr


def ended(monkeypatch, main):
    """The exit code that a command ends the process with."""

    class Ended(BaseException):
        pass

    def leave(code):
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(Ended) as code:
        cli.run(main)
    return code.value.args[0]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Stopped by Ctrl-C"),
        (MemoryError(), 2, "train.batch"),
        (MemoryError(), 2, "--batch of predict, evaluate, render"),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 9 B"), 2, "train.accumulate"),
        (UserError("mend it"), 2, "error: mend it"),
    ],
)
def test_what_a_person_can_mend_is_one_line(error, code, said, monkeypatch, capsys):
    def main(argv):
        raise error

    assert ended(monkeypatch, main) == code
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_glibc_is_told_to_keep_memory_unless_it_is_tuned(monkeypatch):
    told = []

    class Libc:
        @staticmethod
        def mallopt(option, value):
            told.append((option, value))

    monkeypatch.setattr(cli.ctypes, "CDLL", lambda name: Libc)
    monkeypatch.setattr(cli.platform, "libc_ver", lambda: ("glibc", "2.36"))
    cli.keep_memory()
    assert told == list(cli.MALLOC.values())
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.mmap_max=1")
    cli.keep_memory()
    monkeypatch.delenv("GLIBC_TUNABLES")
    monkeypatch.setattr(cli.platform, "libc_ver", lambda: ("", ""))  # macOS, musl
    cli.keep_memory()
    assert told == list(cli.MALLOC.values())


def test_what_nobody_foresaw_keeps_its_traceback():
    def main(argv):
        raise jax.errors.JaxRuntimeError("INTERNAL: nobody knows")

    with pytest.raises(jax.errors.JaxRuntimeError):
        cli.run(main)


def test_a_second_training_in_a_folder_is_refused(tmp_path):
    words = ["--config", f"{ROOT}/configs/real_only.py:tiny"]
    words += [f"--config.data.dir={tmp_path}", "--workdir", str(tmp_path / "run")]
    with files.alone(tmp_path / "run", wait=False):
        with pytest.raises(UserError, match="Another process trains in .*run"):
            train.main(words)
        assert [f.name for f in (tmp_path / "run").iterdir()] == [files.LOCK]
