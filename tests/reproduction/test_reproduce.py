"""`lmkjax reproduce` at size tiny: some rows of both documents from end to end."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from lmkjax import reproduce
from lmkjax.errors import UserError
from lmkjax.experiment import config_file, plan, record
from lmkjax.reproduction import work
from tests.reproduction import test_listing

NAMES = ["pretraining", "synthetic_only-seed0", "model_adaptation-all-seed0"]
"""Of both documents, and all by one step and one network: little is compiled."""


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Where it is, and the flags that made it."""
    out = tmp_path_factory.mktemp("reproduction") / "out"
    words = [
        "--size",
        "tiny",
        "--out",
        str(out),
        "--data-dir",
        str(out.parent / "data"),
    ]
    words += [
        "--only",
        "A,B",
        "--rows",
        "synthetic_only,model_adaptation",
        "--n-real",
        "500",
    ]
    assert reproduce.main(words) == 0
    return out, words


def test_every_run_has_its_figures_and_the_report_its_tables(reproduced):
    out, _ = reproduced
    found = {
        f.stem: json.loads(f.read_text()) for f in (out / "figures").glob("*.json")
    }
    assert found.keys() == set(NAMES) and not any(f["failed"] for f in found.values())
    adapted = found["model_adaptation-all-seed0"]
    assert "adapted" in {row["labels"] for row in adapted["rows"]}
    assert (out / "runs/model_adaptation-all-seed0/report/adapter.npz").is_file()
    steps = [step for step, _ in found["synthetic_only-seed0"]["curve"]]
    assert steps == [1]  # held-out faces, each step
    text = (out / "report.md").read_text()
    assert "Document A: stand-in" in text and "Document A: synthetic" in text
    assert "| synthetic only | adapted |" in text
    assert "Figure 4 in numbers: ocular NME on stand-in" in text
    assert "N_real 500: left out, there are 26 real train faces." in text
    assert "say nothing of real ones" in text and "mean nothing" in text
    assert (out / "pictures/training.png").is_file()


def test_a_command_told_is_the_run_that_was_done(reproduced):
    out, _ = reproduced
    for name in NAMES:
        told = json.loads((out / f"figures/{name}.json").read_text())["command"]
        _, verb, *words = shlex.split(told)
        if verb == "train":
            file = config_file.OURS.parent / words[1].partition(":")[0]
            config = config_file.load_config(str(file), words[4:], size="tiny")
            record.check(config, out / "runs" / name)
            assert words[3] == str(out / "runs" / name)


def test_what_other_rows_need_is_where_they_look_for_it(reproduced):
    out, _ = reproduced
    home = out.parent / "data"
    runs = test_listing.runs_of(size="tiny", n_real=(), home=home)
    for name in ("mixing_25-all", "data_adaptation-all", "fine_tuning-all", "daln"):
        run = runs[f"{name}-seed0"]
        file = str(config_file.OURS / f"{run.config}.py")
        config = config_file.load_config(file, run.overrides(out), size="tiny")
        experiment = plan.build(config)
        assert experiment.training.init_from == out / "runs/pretraining"
        assert (experiment.adapter is not None) == (
            "adaptation" in name or "mix" in name
        )


def test_what_is_over_is_not_done_again(reproduced, monkeypatch, capsys):
    monkeypatch.setattr(work, "_call", lambda *args: pytest.fail("done again"))
    _, words = reproduced
    assert reproduce.main(words) == 0
    said = capsys.readouterr().out
    assert "0 runs to do of 3" in said and "All runs of this job are over." in said


def test_a_plan_alone_trains_nothing_and_tells_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(work, "do", lambda *args: pytest.fail("trained"))
    words = ["--size", "tiny", "--dry-run", "--out", str(tmp_path / "out")]
    assert reproduce.main([*words, "--jobs", "2/3", "--only", "B"]) == 0
    said = capsys.readouterr().out
    assert "fine_tuning-n10" in said and "job 2 of 3, " in said
    assert "lmkjax evaluate --workdir" in said and "lmkjax train --config" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "huge"], "--size"),
        (["--only", "A,C"], "--only wants some of A,B,points"),
        (["--rows", "dalm"], r"No row \['dalm'\].*there are: synthetic_only"),
        (["--n-real", "50,many"], "--n-real: wants numbers such as 50,157; got"),
        (["--n-real", "0"], "--n-real: wants numbers"),
        (["--seeds", "0"], "--seeds wants 1 or more"),
        (["--length", "nan"], "--length wants a share"),
        (["--jobs", "3/2"], "--jobs: wants I/N with I from 1 to N"),
        (["--wait", "-1"], "--wait wants minutes"),
        (["--ibug-300w", "nowhere"], "--ibug-300w wants a folder.*'nowhere'"),
        (["--face-synthetics", "nowhere"], "--face-synthetics wants"),
        (["--out", "gs://bucket"], "--out.*bucket"),
    ],
)
def test_what_cannot_be_is_told_and_leaves_no_trace(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = words if "--size" in words else [*words, "--size", "tiny"]
    with pytest.raises(UserError, match=said):
        reproduce.main(words)
    assert not list(tmp_path.iterdir())


def test_what_a_step_closes_over_is_not_compiled_into_it(tmp_path):
    """Or each adapter of `data_adaptation` and `mixing` would compile a step anew."""
    code = """if True:
        from lmkjax import errors, reproduce
        try:
            reproduce.main("--size tiny --out out --ibug-300w .".split())
        except errors.UserError:
            pass
        import jax, jax.numpy as jnp
        def program(adapter):
            return jax.jit(lambda x: x @ adapter).lower(jnp.ones((2, 8))).as_text()
        programs = {program(jnp.full((8, 8), value)) for value in (1.0, 2.0)}
        print("programs", len(programs))
    """
    name = "JAX_USE_SIMPLIFIED_JAXPR_CONSTANTS"
    unset = {key: value for key, value in os.environ.items() if key != name}
    for env, count in ((unset, 1), (unset | {name: "0"}, 2)):  # 2: what it is for
        said = subprocess.run(
            [sys.executable, "-c", code],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert f"programs {count}" in said.stdout, said.stderr
