"""The planned runs are done in order: what is over is left, what fails costs itself."""

import json
import pathlib
import shutil
import time

import pytest

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.reproduction import figures, listing, speed, work
from tests.reproduction import hand_made, test_listing


@pytest.fixture
def runs():
    asked = {"parts": ("B",), "keys": ("model_adaptation", "mixing_50", "fine_tuning")}
    return list(test_listing.runs_of(size="tiny", n_real=(10,), **asked).values())


@pytest.fixture
def done(monkeypatch):
    """The names of runs in the order in which they are done; some may go wrong."""
    names, wrong = [], {}

    def call(run, work):
        names.append(run.name)
        print("a line of its own")
        if (error := wrong.get(run.name)) is not None:
            raise error
        if run.name not in wrong:
            hand_made.leave(run, work.out)

    monkeypatch.setattr(work, "_call", call)
    return names, wrong


def of(runs, out, job=(1, 1), **more):
    return work.Work(runs, out, "tiny", work.Job(*job), hand_made.NOTHING, **more)


def test_all_are_done_once_and_leave_their_figures(runs, done, tmp_path, capsys):
    todo = of(runs, tmp_path)
    assert work.do(todo) == []
    assert done[0] == [run.name for run in runs]
    found = figures.load(tmp_path)
    assert found.keys() == {run.name for run in runs}
    one = found["mixing_50-n10-seed0"]
    assert one.command.startswith("lmkjax train --config configs/mixing.py:tiny")
    assert one.about["trained_on"] == "invented faces" and one.images_per_s == 12.5
    assert one.run.places[0].row == "mixing_50"
    said = capsys.readouterr().out
    assert "0 of 8 runs; now pretraining" in said and "a line of" not in said
    assert "a line of" in (tmp_path / "logs/pretraining.txt").read_text()
    assert work.do(todo) == [] and len(done[0]) == len(runs)  # all are over


def test_a_failed_run_costs_what_needs_it_and_is_tried_again(runs, done, tmp_path):
    names, wrong = done
    lost = "model_adaptation-n10-seed0"
    wrong[lost] = RuntimeError("no\nmemory")
    assert work.do(of(runs, tmp_path)) == [f"{lost}: no memory"]
    left_out = {lost, "mixing_50-n10-seed0"}
    assert figures.load(tmp_path)[lost].failed == "no memory"
    assert set(of(runs, tmp_path).over()) == {r.name for r in runs} - left_out
    assert "Traceback" in (tmp_path / f"logs/{lost}.txt").read_text()
    wrong.clear(), names.clear()
    assert work.do(of(runs, tmp_path)) == [] and set(names) == left_out


def test_a_run_that_went_on_says_that_its_seconds_are_not_all(runs, done, tmp_path):
    (tmp_path / "runs" / runs[0].name / "checkpoints" / "1").mkdir(parents=True)
    assert work.do(of(runs[:2], tmp_path)) == []
    found = figures.load(tmp_path)
    assert [found[run.name].whole for run in runs[:2]] == [False, True]


def test_seconds_stand_still_while_the_program_is_suspended(
    runs, tmp_path, monkeypatch
):
    monkeypatch.setattr(work, "LOOK_S", 0.01)
    clock, slept = time.monotonic, [0.0]
    monkeypatch.setattr(work.time, "monotonic", lambda: clock() + slept[0])
    with work._Line(of(runs, tmp_path)) as line, line.watching(runs[0]) as seconds:
        slept[0] += 5.0  # a slow step
        time.sleep(0.2)
        slept[0] += 3600.0
        time.sleep(0.5)
        assert 5.0 < seconds() < 60


def test_what_is_left_falls_while_a_run_goes_on(runs, tmp_path):
    run = runs[0]
    estimate = speed.Estimate({}, {(run.kind, run.steps): 100.0}, 16, 0, 0.0)
    todo = work.Work([run], tmp_path, "tiny", work.Job(), estimate)
    folder = tmp_path / "runs" / run.name
    folder.mkdir(parents=True)
    with work._Line(todo) as line:
        assert line._told(run).endswith("; about 2 min left")
        (folder / "metrics.jsonl").write_text(json.dumps({"step": 1}) + "\n")
        assert line._told(run).endswith(f"step 1 of {run.steps}; about 50 s left")


def test_a_run_that_was_asked_to_stop_ends_the_sitting(runs, done, tmp_path):
    names, wrong = done
    stopped = runs[1].name
    wrong[stopped] = None  # it comes back without a report
    assert work.do(of(runs, tmp_path)) == [f"{stopped}: {work.STOPPED}"]
    assert names == [runs[0].name, stopped]
    assert figures.load(tmp_path).keys() == {runs[0].name}


def test_a_job_does_its_part_and_says_what_it_waits_for(runs, done, tmp_path):
    names, _ = done
    with pytest.raises(UserError, match=r"Job 2 of 2.* 4 runs.* pretraining \(job 1\)"):
        work.do(of(runs, tmp_path, (2, 2)))
    assert names == []
    with pytest.raises(UserError, match=r"synthetic_only-seed0 \(job 2\)"):
        work.do(of(runs, tmp_path, (1, 2)))
    parts = [set(names)]
    with pytest.raises(UserError, match=r"wait for model_adaptation-n10-seed0 \(job 1"):
        work.do(of(runs, tmp_path, (2, 2)))
    work.do(of(runs, tmp_path, (1, 2)))
    assert work.do(of(runs, tmp_path, (2, 2))) == []
    assert parts[0] < set(names) and sorted(names) == sorted(r.name for r in runs)


def test_a_job_waits_for_another_one_as_long_as_it_is_told(
    runs, done, tmp_path, monkeypatch
):
    names, _ = done

    def sleep(seconds):  # meanwhile the other job goes on
        try:
            work.do(of(runs, tmp_path, (1, 2)))
        except UserError:
            pass

    monkeypatch.setattr(work.time, "sleep", sleep)
    assert work.do(of(runs, tmp_path, (2, 2), wait_s=60.0)) == []
    assert sorted(names) == sorted(run.name for run in runs)


def test_a_run_that_another_process_does_is_left_to_it(runs, done, tmp_path):
    with files.alone(tmp_path / work.HELD / runs[0].name, wait=False):
        (said,) = work.do(of(runs, tmp_path))
    assert "Another process does pretraining" in said and done[0] == []
    assert not figures.load(tmp_path)


def test_figures_from_another_machine_count_and_what_is_needed_is_made_anew(
    runs, done, tmp_path
):
    names, _ = done
    assert work.do(of(runs, tmp_path)) == []
    shutil.rmtree(tmp_path / "runs")
    names.clear()
    assert work.do(of(runs, tmp_path)) == [] and names == []  # nothing needs them
    (tmp_path / "figures/mixing_50-n10-seed0.json").unlink()
    left = of(runs, tmp_path).over()
    needed = ["pretraining", "synthetic_only-seed0", "model_adaptation-n10-seed0"]
    assert {r.name for r in runs} - set(left) == {*needed, "mixing_50-n10-seed0"}
    (tmp_path / "runs/pretraining/checkpoints").mkdir(parents=True)  # broken off
    assert set(of(runs, tmp_path).over()) == set(left)
    assert work.do(of(runs, tmp_path)) == []
    assert names == [*needed, "mixing_50-n10-seed0"]


def test_figures_of_a_run_planned_otherwise_do_not_count(runs, done, tmp_path):
    work.do(of(runs, tmp_path))
    longer = test_listing.request(
        "tiny", length=2.0, parts=("B",), keys=("fine_tuning",), n_real=()
    )
    other = list(listing.plan(longer).runs.values())
    assert not of(other, tmp_path).over()
    elsewhere = test_listing.request("tiny", parts=("B",), home=pathlib.Path("there"))
    moved = list(listing.plan(elsewhere).runs.values())
    assert of(moved, tmp_path).over()  # data in another folder make no other run


@pytest.mark.parametrize("text", ["", "[]", '{"run": {}}', '{"rows": []}'])
def test_figures_that_are_none_are_named(text, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/daln.json").write_text(text)
    with pytest.raises(UserError, match=r"daln\.json: wanted the figures of a run"):
        figures.load(tmp_path)
