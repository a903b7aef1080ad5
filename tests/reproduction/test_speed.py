"""How long runs take: worked out from one measured step of each kind, kept, told."""

import json

import pytest

from lmkjax import reproduce
from lmkjax.errors import UserError
from lmkjax.evaluation import tables
from lmkjax.experiment import config_file
from lmkjax.reproduction import listing, speed
from lmkjax.reproduction.figures import Figures
from tests.reproduction import hand_made, test_listing


def test_a_step_is_measured_on_invented_faces():
    words = ["--config.train.batch=8", "--config.scheme=ibug68"]
    file = f"{config_file.OURS}/real_only.py"
    config = config_file.load_config(file, words, size="tiny")
    assert 0 < speed.step_seconds(config) < 60


def test_each_kind_is_measured_once_on_a_machine(tmp_path, monkeypatch):
    measured = []

    def step(config):
        measured.append(config)
        assert not config.train.init_from and not config.data.adapter
        return 0.125

    monkeypatch.setattr(speed, "step_seconds", step)
    runs = list(test_listing.runs_of().values())
    found = speed.measure(runs, tmp_path, "laptop")
    kinds = {run.kind for run in runs if run.kind}
    assert found.keys() == kinds and len(measured) == len(kinds) < len(runs) / 4
    assert speed.measure(runs, tmp_path, "laptop") == found == speed.known(tmp_path)
    assert len(measured) == len(kinds)
    monkeypatch.setattr(tables, "hardware", lambda: "another machine")
    assert speed.known(tmp_path) == {}
    speed.measure(runs[:1], tmp_path, "laptop")
    told = json.loads((tmp_path / speed.FILE).read_text())
    assert len(told) == 2 and told["another machine"] == {runs[0].kind: 0.125}


def test_a_kind_whose_runs_are_over_is_not_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "step_seconds", lambda config: 0.125)
    asked = test_listing.request(parts=("A",), keys=("daln", "discriminator"), seeds=1)
    listing.settle(asked, tmp_path)
    runs = listing.plan(asked).runs
    for name in ("pretraining", "daln-seed0"):
        hand_made.leave(runs[name], tmp_path)
        Figures(runs[name], "", about={"hardware": "another"}).save(tmp_path)
    words = ["--size", "laptop", "--only", "A", "--rows", "daln,discriminator"]
    words += ["--seeds", "1", "--dry-run", "--out", str(tmp_path)]
    assert reproduce.main(words) == 0
    said = capsys.readouterr().out
    assert said.count("Measuring a step") == 1
    assert "Measuring a step: discriminator ..." in said
    row = next(line for line in said.splitlines() if line.startswith("daln "))
    assert row.split()[:6] == ["daln", "800", "0", "1", "1", "–"]
    assert "1 runs to do of 3: about" in said


def test_a_kind_that_cannot_be_measured_is_named_and_the_others_are(
    tmp_path, monkeypatch, capsys
):
    def step(config):
        if config.terms.daln.weight:
            raise RuntimeError("no memory\nleft")
        return 0.125

    monkeypatch.setattr(speed, "step_seconds", step)
    asked = {"parts": ("A",), "keys": ("daln", "discriminator"), "seeds": 2}
    runs = list(test_listing.runs_of(**asked).values())
    found = speed.measure(runs, tmp_path, "laptop")
    assert found.keys() == {run.kind for run in runs} - {"daln"}
    said = capsys.readouterr().out
    assert said.count("Not measured: RuntimeError: no memory left") == 1
    estimate = speed.Estimate(found, {}, 16, 960, 2.0)
    row = speed.table(runs, estimate, (), [1] * len(runs)).splitlines()
    assert next(line for line in row if line.startswith("daln ")).split()[6] == "?"


def test_a_batch_that_the_devices_cannot_share_is_told():
    file = f"{config_file.OURS}/real_only.py"
    words = ["--config.train.batch=12", "--config.scheme=ibug68"]
    config = config_file.load_config(file, words, size="tiny")
    with pytest.raises(UserError, match="8 devices can share .* got 12 faces"):
        speed.step_seconds(config)


def test_of_the_times_of_runs_alike_the_middle_one_counts():
    runs = test_listing.runs_of()
    names = [f"real_only-n{n}-seed0" for n in (25, 50, 157, 315)]
    seconds = (300.0, 9000.0, 320.0, 20.0)  # beside others; went on and was soon over
    here = {"about": {"hardware": tables.hardware()}}
    found = {
        name: Figures(runs[name], "", seconds=s, whole=s > 100, **here)
        for name, s in zip(names, seconds, strict=True)
    }
    kind = runs[names[0]].kind
    assert speed.over(found) == {(kind, 2400): 320.0}
    assert speed.over({names[3]: found[names[3]]}) == {}


def test_kinds_are_told_apart_by_what_a_step_costs():
    runs = test_listing.runs_of()
    assert runs["real_only-n25-seed0"].kind == runs["real_only-all-seed2"].kind
    assert runs["label_transfer-seed0"].kind != runs["learned_places-seed0"].kind
    assert runs["points-490-seed0"].kind != runs["points-1001-seed0"].kind
    assert runs["mixing_25-n25-seed0"].kind != runs["mixing_50-n25-seed0"].kind
    assert runs["model_adaptation-n25-seed0"].kind == ""


def test_a_run_takes_its_steps_and_what_it_is_measured_on():
    runs = test_listing.runs_of()
    tuned, adapted = (
        runs[f"{n}-n25-seed0"] for n in ("fine_tuning", "model_adaptation")
    )
    estimate = speed.Estimate({tuned.kind: 0.5}, {}, 16, 960, 2.0)
    # 800 steps; (960 + 2 * 800) faces at a third of a step's 0.5 s / 16.
    assert estimate.seconds(tuned) == 400 + 2560 / 96
    assert estimate.seconds(adapted) == 960 / 96
    assert estimate.total([tuned, adapted]) == 436 + 2 / 3
    assert estimate.total([tuned, runs["daln-seed0"]]) is None
    known = speed.Estimate({}, {(tuned.kind, tuned.steps): 77.0}, 16, 960, 2.0)
    assert known.seconds(tuned) == 77.0 and known.seconds(adapted) is None
    assert hand_made.NOTHING.total([]) == 0


def test_times_are_told_short():
    told = [speed.told(s) for s in (None, 7, 89.6, 600, 5399, 7200)]
    assert told == ["?", "7 s", "90 s", "10 min", "90 min", "2.0 h"]
