"""The accelerator's script: what it does without packages, without time, at `tiny`."""

import argparse
import json
import subprocess
import sys

import pytest

from launch import accelerator
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
    late = list(accelerator.apart("daln", [], 0.05))
    assert late == [{"part": "daln", "failed": "not done within 0 s"}]
    (wrong,) = accelerator.apart("profile", ["--lines", "many"], 60)
    assert wrong["part"] == "profile" and "--lines" in wrong["failed"]


def test_the_peak_is_that_of_the_longest_name_that_fits():
    assert accelerator.peak("NVIDIA H100 80GB HBM3") == 989e12
    assert accelerator.peak("NVIDIA L40S") is None
    assert accelerator.peak("NVIDIA L4") == 121e12
    assert accelerator.peak("TPU v5 lite") == 197e12
    assert accelerator.peak("NVIDIA A100-SXM4-80GB") == 312e12
    assert accelerator.peak("TPU v5") == 459e12
    assert accelerator.peak("cpu") is None


def test_an_operation_is_told_with_what_it_comes_from():
    program = """
  %dot.1 = f32[2]{0} dot(%a, %b), metadata={op_name="jit(step)/hourglass/dot" id=3}
  ROOT %fusion = f32[2]{0} fusion(%a), calls=%c
"""
    assert accelerator.sources(program) == {"dot.1": "jit(step)/hourglass/dot"}


@pytest.mark.slow
def test_every_part_but_pytorch_tells_a_figure(tmp_path, capsys):
    words = ["--size", "tiny", "--seconds", "0.1", "--faces", "2", "--lines", "2"]
    out = tmp_path / "lines.jsonl"
    assert accelerator.main([*words, "--out", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    found = {}
    for line in lines:
        found.setdefault(line["part"], []).append(line)
    assert set(found) == set(accelerator.PARTS)
    assert all("failed" not in line for line in lines if line["part"] != "torch")
    for part in ("daln", "synthetic_only"):
        assert found[part][0]["images_per_s"] > 0 and found[part][0]["batch"] == 16
    assert [line["side_px"] for line in lines if "side_px" in line] == [8, 16]
    assert len(found["profile"]) == 2


def test_pytorch_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(accelerator.importlib.util, "find_spec", lambda name: None)
    options = argparse.Namespace(size="tiny")
    assert list(accelerator.told("torch", options)) == [
        {"part": "torch", "failed": "PyTorch is not installed"}
    ]
