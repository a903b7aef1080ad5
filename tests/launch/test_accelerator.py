"""The accelerator's script: what it does without packages, without time, at `tiny`."""

import argparse
import json
import os
import subprocess
import sys
import threading

import pytest

from launch import accelerator, workloads
from lmkjax.errors import UserError
from tests import programs

WITHOUT = """
import sys
for name in ("ml_collections", "grain", "tensorflow_datasets"):
    sys.modules[name] = None  # as if it were not installed
from launch import accelerator
assert len(accelerator.stand_in()) == 3
import importlib
from lmkjax.experiment import parts, plan
from lmkjax.training import mesh
for name in ("daln", "synthetic_only"):
    config = importlib.import_module(f"configs.{name}").get_config("tiny")
    experiment, grid = plan.build(config), mesh.build()
    parts.build_step(experiment, grid)
    print(name, *parts.outline(experiment, grid))
"""


def test_a_step_is_built_without_the_packages_that_none_calls():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        cwd=programs.ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == ["daln source target", "synthetic_only source"]


def test_a_part_that_fails_or_takes_too_long_is_named(monkeypatch):
    for words, doing in (([], "measured"), (["--compile-only"], "compiled")):
        late = list(accelerator.apart("daln", words, 0.05))
        assert late == [{"part": "daln", "failed": f"not {doing} within 0 s"}]
    (wrong,) = accelerator.apart("profile", ["--lines", "many"], 60)
    assert wrong["part"] == "profile" and "--lines" in wrong["failed"]


def test_the_peak_is_that_of_the_longest_name_that_fits():
    assert workloads.peak("NVIDIA H100 80GB HBM3") == 989e12
    assert workloads.peak("NVIDIA L40S") is None
    assert workloads.peak("NVIDIA L4") == 121e12
    assert workloads.peak("TPU v5 lite") == 197e12
    assert workloads.peak("NVIDIA A100-SXM4-80GB") == 312e12
    assert workloads.peak("TPU v5") == 459e12
    assert workloads.peak("cpu") is None


def test_an_operation_is_told_with_what_it_comes_from():
    program = """
  %dot.1 = f32[2]{0} dot(%a, %b), metadata={op_name="jit(step)/hourglass/dot" id=3}
  ROOT %fusion = f32[2]{0} fusion(%a), calls=%c
"""
    assert workloads.sources(program) == {"dot.1": "jit(step)/hourglass/dot"}


@pytest.fixture
def parts(monkeypatch):
    """What was done to each part, in order; all must compile together, none is run."""
    done, names = [], [n for n in accelerator.PARTS if n not in accelerator.SAME]
    everyone = threading.Barrier(len(names), timeout=30)

    def apart(name, argv, seconds):
        compiles = accelerator.ONLY in argv
        if compiles:
            everyone.wait()
        done.append(("compile" if compiles else "measure", name, seconds))
        if name == "daln":
            yield {"part": name, "failed": "no memory"}
        elif compiles:
            yield {"part": name, "compiled_in_s": 1.0}
        else:
            yield {"part": name, "faces_per_s": 2.0}

    monkeypatch.setattr(accelerator, "apart", apart)
    monkeypatch.setattr(accelerator.importlib.util, "find_spec", lambda name: None)
    return done


def test_all_compile_together_and_those_that_did_are_measured_one_by_one(parts):
    lines = list(accelerator.measured(["--size", "tiny"], 8.0, 8.0))
    first, then = parts[:5], parts[5:]
    assert {(what, name) for what, name, _ in first} == {
        ("compile", name) for name in accelerator.PARTS if name != "profile"
    }
    rest = ["synthetic_only", "draw_small", "draw_large", "torch"]
    assert [(what, name) for what, name, _ in then] == [("measure", n) for n in rest]
    assert {"part": "profile", "failed": "the step of daln has not compiled"} in lines
    assert len(lines) == len(parts) + 1
    # What each measurement needs is kept of the time that is there.
    assert all(335 < seconds < 342.1 for _, _, seconds in first)
    assert all(470 < seconds < 480.1 for _, _, seconds in then)


def test_at_least_half_of_the_time_is_there_to_compile_in(parts):
    list(accelerator.measured([], 0.1, 8.0))
    assert all(2.5 < seconds < 3.1 for _, _, seconds in parts[:5])


def test_a_tpu_is_one_process_s_at_a_time(parts, monkeypatch):
    monkeypatch.setattr(accelerator.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(threading.Barrier, "wait", lambda self: None)
    list(accelerator.measured([], 8.0, 8.0))
    names = [name for what, name, _ in parts if what == "compile"]
    assert names == [name for name in accelerator.PARTS if name != "profile"]


def test_no_figure_at_all_is_a_failure(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "1")
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    lines = [{"part": "daln", "compiled_in_s": 3.0}]
    monkeypatch.setattr(accelerator, "measured", lambda *_: lines)
    out = tmp_path / "lines.jsonl"
    assert accelerator.main(["--out", str(out)]) == 1
    lines.append({"part": "daln", "images_per_s": 3.0})
    assert accelerator.main(["--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 3
    with pytest.raises(UserError, match="--compile-only wants --part"):
        accelerator.main(["--compile-only"])
    for flag, value in (("--batch", "-1"), ("--seconds", "0"), ("--minutes", "nan")):
        with pytest.raises(UserError, match=f"{flag} wants .*; got {value}"):
            accelerator.main([flag, value])


def test_programs_are_kept_in_a_folder_for_now_or_in_that_of_the_user(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "1")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    with accelerator.compiled_kept():
        assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    with accelerator.compiled_kept():
        folder = os.environ["JAX_COMPILATION_CACHE_DIR"]
        assert os.path.isdir(folder)
        assert os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert not os.path.exists(folder)


def test_the_quick_compile_asks_for_what_this_xla_has(monkeypatch):
    quick = argparse.Namespace(quick_compile=True)
    assert workloads.asked_of_xla(quick) == workloads.QUICK
    monkeypatch.setitem(workloads.QUICK, "xla_no_such", True)
    assert "xla_no_such" not in workloads.asked_of_xla(quick)
    assert workloads.asked_of_xla(argparse.Namespace(quick_compile=False)) == {}


@pytest.mark.slow
def test_every_part_but_pytorch_tells_a_figure_from_the_cache(
    tmp_path, capsys, monkeypatch
):
    folder, measures = tmp_path / "cache", accelerator.apart
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder))
    steps = []

    def apart(name, argv, seconds):
        if accelerator.ONLY not in argv:
            steps.append({x.name for x in folder.glob("jit_*step*-cache")})
        yield from measures(name, argv, seconds)

    monkeypatch.setattr(accelerator, "apart", apart)
    words = ["--size", "tiny", "--seconds", "0.1", "--faces", "2", "--lines", "2"]
    words += ["--minutes", "30"]  # on a busy CPU too
    out = tmp_path / "lines.jsonl"
    assert accelerator.main([*words, "--quick-compile", "--out", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    found = {}
    for line in lines:
        if "compiled_in_s" not in line:
            found.setdefault(line["part"], []).append(line)
    assert set(found) == set(accelerator.PARTS)
    assert all("failed" not in line for line in lines if line["part"] != "torch")
    for part in ("daln", "synthetic_only"):
        assert found[part][0]["images_per_s"] > 0 and found[part][0]["batch"] == 16
        assert found[part][0]["xla_options"] == workloads.QUICK
    assert [line["side_px"] for line in lines if "side_px" in line] == [8, 16]
    assert len(found["profile"]) == 2
    # No step was compiled while measuring.
    assert steps[0] and len(steps) >= 5
    assert {x.name for x in folder.glob("jit_*step*-cache")} == steps[0]


def test_pytorch_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(accelerator.importlib.util, "find_spec", lambda name: None)
    options = argparse.Namespace(size="tiny")
    assert list(accelerator.told("torch", options)) == [
        {"part": "torch", "failed": "PyTorch is not installed"}
    ]
