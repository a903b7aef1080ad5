"""How long runs take: worked out from one measured step of each kind, kept, told."""

import json

from lmkjax.experiment import config_file
from lmkjax.reproduction import speed
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
    monkeypatch.setattr(speed, "machine", lambda: "another machine")
    assert speed.known(tmp_path) == {}
    speed.measure(runs[:1], tmp_path, "laptop")
    told = json.loads((tmp_path / speed.FILE).read_text())
    assert len(told) == 2 and told["another machine"] == {runs[0].kind: 0.125}


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
