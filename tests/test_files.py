"""Files come whole or not at all; a folder gives way to a new one, never before."""

import errno
import fcntl
import pathlib
import signal
import subprocess
import sys

import filelock
import pytest

from lmkjax import files
from lmkjax.errors import UserError


def test_a_home_is_expanded_and_a_bucket_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.local("~/x", flag="--workdir") == tmp_path / "x"
    for bucket in ("gs://bucket/x", "s3://bucket/x"):
        with pytest.raises(UserError, match="--workdir.*Mount the bucket"):
            files.local(bucket, flag="--workdir")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    files.write(path, "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(pathlib.Path, "write_bytes", fail)
        with pytest.raises(OSError):
            files.write(path, "new")
    assert path.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_replaced_whole(tmp_path):
    out = tmp_path / "out"
    for names in (["1.png", "2.png"], ["3.png"]):
        with files.folder(out, ours=["*.png"]) as new:
            for name in names:
                (new / name).write_text(name)
        assert sorted(f.name for f in out.iterdir()) == names
    with pytest.raises(ZeroDivisionError), files.folder(out, ours=["*.png"]) as new:
        (new / "4.png").write_text("")
        raise ZeroDivisionError
    assert [f.name for f in tmp_path.iterdir()] == ["out"]
    assert [f.name for f in out.iterdir()] == ["3.png"]


def test_a_failed_rename_brings_the_old_folder_back(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.png").write_text("")
    rename = pathlib.Path.rename

    def fail(self, target):
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "rename", fail)
    with pytest.raises(OSError), files.folder(out, ours=["*.png"]):
        pass
    assert [f.name for f in out.iterdir()] == ["old.png"]


KILLED = """
import os, signal, sys
from lmkjax import files
with files.folder(sys.argv[1], ours=["*.png"]) as new:
    (new / "half.png").write_text("")
    if sys.argv[2] == "later":
        files.pathlib.Path.rename = lambda self, to: (
            os.rename(self, to),
            os.kill(os.getpid(), signal.SIGKILL),
        )
    else:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("when", ["at once", "later"])
def test_what_a_killed_process_left_is_mended_and_swept_away(when, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "1.png").write_text("old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(out), when])
    assert killed.returncode == -signal.SIGKILL
    assert out.exists() == (when == "at once")  # else it was between two renames
    with pytest.raises(ZeroDivisionError), files.folder(out, ours=["*.png"]):
        assert (out / "1.png").read_text() == "old"
        raise ZeroDivisionError
    assert [f.name for f in tmp_path.iterdir()] == ["out"]
    assert [f.name for f in out.iterdir()] == ["1.png"]


def test_a_second_process_is_refused_and_disturbs_nothing(tmp_path):
    out = tmp_path / "out"
    with files.folder(out, ours=[]) as new:
        (new / "a").write_text("")
        with pytest.raises(UserError, match="Another process writes into"):
            with files.folder(out, ours=[]):
                pass
        assert (new / "a").exists()
    assert [f.name for f in tmp_path.rglob("*")] == ["out", "a"]


TOGETHER = """
import os, signal, sys
from lmkjax import files
with files.together(sys.argv[1]) as (new, _):
    (new / "half.png").write_text("")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_what_a_killed_process_left_among_other_files_is_swept_away(tmp_path):
    killed = subprocess.run([sys.executable, "-c", TOGETHER, str(tmp_path)])
    assert killed.returncode == -signal.SIGKILL
    assert list(tmp_path.rglob("half.png"))
    with files.together(tmp_path) as (one, _), files.together(tmp_path) as (other, _):
        (one / "1.png").write_text("1")  # one in use is nobody's to sweep
        (other / "2.png").write_text("2")
    assert sorted(f.name for f in tmp_path.rglob("*")) == ["1.png", "2.png"]


def test_a_folder_with_other_things_is_refused_and_left(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with (
        pytest.raises(UserError, match="'thesis.tex'"),
        files.folder(tmp_path, ours=["*.png"]),
    ):
        pass
    with (
        pytest.raises(UserError, match="is a file"),
        files.folder(tmp_path / "thesis.tex", ours=[]),
    ):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "x"


def test_what_file_managers_leave_is_nobodys_own(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in (".DS_Store", "Thumbs.db", "1.png"):
        (out / name).write_text("")
    with files.folder(out, ours=["*.png"]) as new:
        (new / "2.png").write_text("")
    assert [f.name for f in out.iterdir()] == ["2.png"]


@pytest.mark.parametrize("name", ["\u9762" * 84, "a" * 254], ids=["252 bytes", "254"])
def test_a_name_as_long_as_names_may_be_is_written(tmp_path, name):
    files.write(tmp_path / name, "x")
    (tmp_path / name).unlink()
    with files.folder(tmp_path / name, ours=[]) as new:
        (new / "a").write_text("")
    assert [f.name for f in tmp_path.rglob("*")] == [name, "a"]
    assert files.part_of("b" * 210 + "1") != files.part_of("b" * 210 + "2")


def test_two_at_once_are_told_apart(tmp_path):
    with (
        files.alone(tmp_path, wait=False),
        pytest.raises(UserError, match="trains here"),
        files.alone(tmp_path, wait=False, why="trains here"),
    ):
        pass
    with files.alone(tmp_path, wait=False):
        pass


def test_who_waits_for_another_says_so(tmp_path, monkeypatch, capsys):
    asked = []

    def acquire(self, timeout=-1):
        asked.append(timeout)
        if timeout == 0:
            raise filelock.Timeout(str(tmp_path))

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    with files.alone(tmp_path, wait=True):
        said = capsys.readouterr().err
    assert asked == [0, -1]
    assert said == f"Waiting for another process, which works in {tmp_path} ...\n"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_drive_that_knows_no_locks_is_written_all_the_same(
    number, tmp_path, monkeypatch
):
    def refuse(*_):
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    for wait in (False, True):
        with files.alone(tmp_path, wait=wait):
            (tmp_path / str(wait)).touch()
    assert {f.name for f in tmp_path.iterdir()} >= {"False", "True"}
