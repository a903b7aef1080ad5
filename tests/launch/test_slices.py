"""The step compiled for real TPU slices: flat in weak scaling, no stray collectives.

Run, with `.[tpu,test]` installed:  pytest -n 0 -m slow tests/launch/test_slices.py
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

from launch import slices

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = """
import dataclasses, json, sys
from launch import slices
asked = json.loads(sys.argv[1])
print(json.dumps([dataclasses.asdict(slices.compile_step(**one)) for one in asked]))
"""
HLO = """HloModule step

%body.1 (p: f32[2]) -> f32[2] {
  %double = f32[2]{0} fusion(%p), calls=%x, backend_config={"estimated_cycles":"5"}
}

ENTRY %main (p: f32[2]) -> f32[2] {
  %a = f32[8,4]{1,0} fusion(%p), backend_config={"estimated_cycles":"100"}
  %w = f32[2]{0} while(%a), condition=%c, body=%body.1
  %all-reduce.1 = (bf16[8,4]{1,0}, f32[]{:T(128)}) all-reduce(%a, %b), channel_id=2
  %all-gather-start.1 = f32[16]{0} all-gather-start(%a), channel_id=3
  %get-tuple-element.2 = f32[8,4]{1,0} get-tuple-element(%all-reduce.1), index=0
}
"""


def test_a_program_is_read_by_hand():
    assert slices.cycles(HLO) == 100 + 5
    assert slices.collectives(HLO) == {
        "all-reduce": (8 * 4 * 2 + 4, 1),
        "all-gather": (16 * 4, 1),
    }


@pytest.fixture(scope="module")
def compiled():
    """The tiny step, compiled in a process of its own: libtpu is noisy."""
    if importlib.util.find_spec("libtpu") is None:
        pytest.skip(
            "needs libtpu, in an environment of its own: pip install -e '.[tpu,test]'"
        )
    asked = [
        {"slice_": name, "faces": 16, "size": "tiny", "fsdp_min_size": share}
        for share, names in (
            (0, ("v5e:2x2", "v5e:4x4", "v5e:16x16", "v6e:4x4")),
            (64, ("v5e:2x2", "v5e:4x4")),
        )
        for name in names
    ]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("XLA_", "JAX_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(asked)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads(done.stdout.splitlines()[-1])
    return {(r["slice_"], r["shared"]): r for r in rows}


def flat(one, other):
    for figure in ("flops", "accessed_bytes", "memory_bytes", "cycles"):
        assert other[figure] == pytest.approx(one[figure], rel=0.05), figure


@pytest.mark.slow
@pytest.mark.parametrize("larger", ["v5e:4x4", "v5e:16x16"])
def test_a_chip_does_the_same_on_a_larger_slice(larger, compiled):
    small, large = compiled["v5e:2x2", False], compiled[larger, False]
    flat(small, large)
    assert small["collectives"] == large["collectives"]


@pytest.mark.slow
def test_gradients_are_all_that_chips_exchange(compiled):
    for (_, shared), row in compiled.items():
        allowed = {"all-reduce"}
        if shared:
            allowed |= {"reduce-scatter", "all-gather"}
        assert set(row["collectives"]) <= allowed, row
    assert "all-gather" in compiled["v5e:4x4", True]["collectives"]


@pytest.mark.slow
def test_shared_parameters_take_less_of_a_chip(compiled):
    whole, shared = compiled["v5e:2x2", False], compiled["v5e:2x2", True]
    # A quarter each, but for those too small to share and the tiles that parts fill.
    assert 0.25 < shared["state_bytes"] / whole["state_bytes"] < 0.8
