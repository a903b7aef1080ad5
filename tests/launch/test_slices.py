"""The step compiled for real TPU slices: flat in weak scaling, no stray collectives.

Run, with `.[tpu,test]` installed:  pytest -n 0 -m slow tests/launch/test_slices.py
"""

import importlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import jax
import pytest

from launch import pods, slices
from lmkjax.errors import UserError
from tests import test_configs

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = """
import dataclasses, json, sys
from launch import slices
from tests import test_configs
asked = json.loads(sys.argv[1])
print(json.dumps([dataclasses.asdict(slices.compile_step(**one)) for one in asked]))
"""


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


def row(faces, **figures):
    told = {
        "config": "daln",
        "slice_": "v5e:2x2",
        "chips": 4,
        "shared": False,
        "flops": 2e9,
    }
    told |= {"accessed_bytes": 3e9, "memory_bytes": 4e9, "state_bytes": 5}
    told |= {"cycles": {}, "collectives": {}, "compile_s": 6.0, **figures}
    return slices.Compiled(faces=faces, **told)


def test_tables_of_two_steps():
    moved = {"all-reduce": (2_000_000, 3)}
    one = row(32, cycles={"reduce": (3_000_000, 4), "broadcast": (1_000_000, 5)})
    other = row(64, cycles={"reduce": (8_000_000, 4)}, collectives=moved)
    assert slices.table([one, other]).splitlines()[2:] == [
        "| `daln` | v5e:2x2 | 4 | 32 | whole | 2.0 | 3.00 | 4.00 | none | 4.0 | 6 s |",
        "| `daln` | v5e:2x2 | 4 | 64 | whole | 2.0 | 3.00 | 4.00 | all-reduce (3, 2.0)"
        " | 8.0 | 6 s |",
    ]
    assert slices.kinds([one, other]).splitlines() == [
        "| million cycles in | `daln`, v5e:2x2, 32 a chip"
        " | `daln`, v5e:2x2, 64 a chip |",
        "|---|--:|--:|",
        "| reduce | 3.0 (75%, 4) | 8.0 (100%, 4) |",
        "| broadcast | 1.0 (25%, 5) | 0.0 (0%, 0) |",
    ]


@pytest.mark.parametrize("name", test_configs.NAMES)
def test_a_step_of_any_config_can_be_asked_for_without_the_runs_it_goes_on_from(name):
    config = importlib.import_module(f"configs.{name}").get_config("full")
    found = slices.asked(config)
    assert found.drawn is None and found.training.init_from is None
    config.data.source = "rendered"
    if "source" in found.shares:
        assert slices.asked(config).drawn.size == found.faces.size


@pytest.mark.parametrize("most", [0, 16, 48, 80, 96])
@pytest.mark.parametrize("refuses", [True, False])
def test_the_largest_batch_is_found_where_it_ends(monkeypatch, capsys, most, refuses):
    asked = []

    def compile_step(slice_, *, faces, size):
        asked.append(faces)
        if faces > most and refuses:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: hbm")
        return row(faces, memory_bytes=2**34 * faces // (most + 8))

    monkeypatch.setattr(slices, "compile_step", compile_step)
    found = slices.largest("v5e:2x2", first=32, size="tiny")
    assert (found.faces if found else 0) == most
    assert len(asked) == len(set(asked)) <= 4
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == [
        f"{faces} faces a chip {'fit' if faces <= most else 'do not fit'}"
        for faces in asked
    ]


def test_where_memory_is_traded_for_work_the_search_doubles(monkeypatch):
    """As on a v5e: 15.4 GiB for 160 faces, 14.6 for 192."""
    asked = []

    def compile_step(slice_, *, faces, size):
        asked.append(faces)
        if faces > 700:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: hbm")
        return row(faces, memory_bytes=min(faces * 2**34 // 70, 15 * 2**30))

    monkeypatch.setattr(slices, "compile_step", compile_step)
    assert slices.largest("v5e:2x2", first=32, size="tiny").faces == 688
    assert len(asked) == len(set(asked)) <= 12


def flat(one, other):
    for figure in ("flops", "accessed_bytes", "memory_bytes"):
        assert other[figure] == pytest.approx(one[figure], rel=0.05), figure
    cycles, others = (
        sum(own for own, _ in step["cycles"].values()) for step in (one, other)
    )
    assert others == pytest.approx(cycles, rel=0.05)


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--slices", "v9:2x2"], "--slices: wants such as v5e:4x4; got 'v9:2x2'"),
        (["--slices", "v5e:0x2"], "--slices: wants such as"),
        (["--configs", "dalm"], "--configs: wants some of base, best.*; got 'dalm'"),
        (["--size", "huge"], "--size"),
        (["--faces", "0"], "--faces wants 1 or more"),
    ],
)
def test_what_is_no_slice_config_or_number_is_told(words, said):
    with pytest.raises(UserError, match=said):
        pods.main(words)
