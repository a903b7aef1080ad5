"""What all commands begin with: what is compiled is kept, where the user wants it."""

import os
import pathlib
import subprocess
import sys

import jax
import pytest

from lmkjax import cli
from lmkjax.errors import UserError

PROGRAM = """
import sys
from lmkjax import cli
if sys.argv[1] == "late":
    import jax
cli.keep_compiled()
import jax
found = []
jax.monitoring.register_event_listener(lambda name, **_: found.append(name))
jax.jit(lambda x: x * 3 + 1)(2.0)
print(any(name.endswith("cache_hits") for name in found))
"""


def compile_(home, *, when="early", **env):
    """Whether a program found what it needs compiled already, and what is kept now."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_"))}
    clean |= {"JAX_PLATFORMS": "cpu", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, when],
        env=clean | {"XDG_CACHE_HOME": str(home), "HOME": str(home)} | env,
        cwd=pathlib.Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    kept = [f for f in home.rglob("*") if f.is_file() and f.name.endswith("-cache")]
    return done.stdout.strip() == "True", kept


@pytest.mark.skipif(sys.platform != "linux", reason="where caches lie on Linux")
def test_what_is_compiled_is_kept_in_the_users_cache(tmp_path):
    found, kept = compile_(tmp_path)
    assert not found and kept
    assert all(f.is_relative_to(tmp_path / "lmkjax" / "compiled") for f in kept)
    found, again = compile_(tmp_path, when="late")  # JAX was imported before
    assert found and again == kept


def test_the_variable_of_jax_names_another_folder_or_none(tmp_path):
    other = tmp_path / "other"
    _, kept = compile_(tmp_path, JAX_COMPILATION_CACHE_DIR=str(other))
    assert kept and all(f.is_relative_to(other) for f in kept)
    home = tmp_path / "home"
    home.mkdir()
    assert compile_(home, JAX_COMPILATION_CACHE_DIR="") == (False, [])
    assert compile_(home, JAX_ENABLE_COMPILATION_CACHE="false")[1] == []


def test_the_suite_keeps_what_one_of_its_processes_compiled_for_the_others():
    folder = jax.config.jax_compilation_cache_dir
    assert folder and os.environ["JAX_COMPILATION_CACHE_DIR"] == folder
    least = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    try:
        jax.jit(the_suites_own)(2.0)
    finally:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
    assert list(pathlib.Path(folder).glob("jit_the_suites_own-*"))


def the_suites_own(x):
    return x * 5 + 2


@pytest.mark.parametrize("words", ["predict --out out --images", "render --out"])
def test_a_path_too_long_is_one_line(words):
    done = subprocess.run(
        [sys.executable, "-m", "lmkjax", *words.split(), "x" * 300],
        cwd=pathlib.Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and "File name too long" in line


def test_an_empty_word_is_no_value():
    parser = cli.Parser(prog="lmkjax look")
    parser.add_argument("--at", nargs="+")
    parser.add_argument("--by", default="")
    parser.add_argument("paths", nargs="*", metavar="PATH")
    assert parser.parse_args(["--at", "a", "--by", ""]).by == ""
    for words, named in ((["--at", "a", ""], "--at"), (["", "a"], "PATH")):
        with pytest.raises(UserError, match=f"{named} wants a value; got ''"):
            parser.parse_args(words)


def test_how_fast_a_job_is_leaves_out_what_came_before_it(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(cli.time, "monotonic", lambda: now[0])
    progress, told = cli.Progress(), []
    for now[0], done in ((60, 500), (65, 505), (80, 520), (90, 1000)):
        progress(done, 1000)  # compiled for a minute; 500 were done the day before
        told.append(capsys.readouterr().err)
    assert told == [
        "500 of 1000 photos\n",
        "",
        "520 of 1000 photos, 1.0 a second, 0:08:00 to go\n",
        "",
    ]


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("cp1252", b"\\u7167 \xe9 \\udcff"), ("utf-8", b"\xe7\x85\xa7 \xc3\xa9 \\udcff")],
)
def test_a_name_that_the_output_cannot_show_is_no_error(encoding, shown):
    """Windows writes a pipe in its code page; on Linux a name may be any bytes."""
    program = (
        "from lmkjax import cli; cli.run(lambda _: print('\\u7167 \\xe9 \\udcff'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0 and done.stdout.strip() == shown, done.stderr


def test_without_an_output_a_command_works_all_the_same():
    program = "import sys; sys.stdout = None; from lmkjax import cli; cli.run(print)"
    subprocess.run([sys.executable, "-c", program], check=True)
