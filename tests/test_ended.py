"""How a command ends: Ctrl-C, no memory, and a second run in a folder."""

import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

import jax
import pytest

from lmkjax import cli, files, memory, train
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

    monkeypatch.setattr(memory, "_huge_pages", lambda libc: None)
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Libc)
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("glibc", "2.36"))
    memory.keep()
    assert told == list(memory.MALLOC.values())
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.mmap_max=1")
    memory.keep()
    monkeypatch.delenv("GLIBC_TUNABLES")
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))  # macOS, musl
    memory.keep()
    assert told == list(memory.MALLOC.values())


HUGE = """
import resource, sys
if sys.argv[1:]:
    resource.setrlimit(resource.RLIMIT_DATA, (2**28, 2**28))
from lmkjax import memory
memory.keep()
maps = open("/proc/self/smaps").read().split("VmFlags:")
sizes = [m.split("Size:")[1].split()[0] for m in maps[:-1]]
flags = [m.split("\\n")[0].split() for m in maps[1:]]
print(sum(int(s) for s, f in zip(sizes, flags) if "hg" in f) // 2**10)
print(int(open("/proc/self/statm").read().split()[1]) // 2**8)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc"
    or not pathlib.Path("/sys/kernel/mm/transparent_hugepage").exists(),
    reason="a system without glibc or without huge pages on request",
)
@pytest.mark.parametrize("bounded", [[], ["bounded"]], ids=["free", "bounded"])
def test_the_heap_asks_for_huge_pages_and_takes_none_of_them_yet(bounded):
    words = [sys.executable, "-c", HUGE, *bounded]
    got = subprocess.run(words, capture_output=True, text=True, check=True)
    asked, taken = map(int, got.stdout.split())  # MiB
    assert (asked == 0) if bounded else (asked >= 512)
    assert taken < 256


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
