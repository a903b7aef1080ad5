"""Which runs are planned: each a command that reads, each shared where it may be."""

import collections
import pathlib
import shlex

import pytest

from configs import base
from lmkjax.errors import UserError
from lmkjax.experiment import config_file, plan
from lmkjax.reproduction import listing, rows, work
from lmkjax.reproduction.runs import Place

DUMMY = pathlib.Path(__file__).parents[2] / "data_builders"
OUT = pathlib.Path("out")


def request(size="laptop", **changes):
    asked = {
        "length": 1.0,
        "parts": ("A", "B", "points"),
        "keys": (),
        "seeds": None,
        "n_real": None,
        "photos": None,
        "face_synthetics": None,
        "home": pathlib.Path("data"),
    }
    return listing.request(size, **asked | changes)


def runs_of(**changes):
    return listing.plan(request(**changes)).runs


@pytest.mark.parametrize("size", base.SIZES)
def test_every_run_is_a_command_whose_config_fits_together(size):
    runs = runs_of(size=size, face_synthetics=DUMMY).values()
    for run in {run.kind: run for run in runs}.values():
        lmkjax, verb, *words = shlex.split(run.command(OUT, size))
        assert lmkjax == "lmkjax"
        if run.measured_only:
            assert (verb, words[2]) == ("evaluate", "--target-faces")
            continue
        file = f"{config_file.OURS.parent}/{words[1]}"
        assert verb == "train" and words[2] == "--workdir"
        config = config_file.load_config(file, words[4:], size="tiny")
        assert config.size == size and config.train.steps == run.steps > 0
        assert (config.eval.flip, config.eval.views) == (False, 1)  # all alike
        assert config.model.input_px == base.get_config(size).model.input_px
        experiment = plan.build(config, to_train=False)
        assert experiment.training.length.steps == run.steps
        # Of tiny runs also the suite's eight devices share every stream.
        assert size != "tiny" or not {n % 8 for n in experiment.shares.values()} - {0}


def test_what_is_needed_is_planned_before_and_the_pretraining_once():
    runs = runs_of()
    names = list(runs)
    assert names[0] == rows.PRETRAINING
    for number, run in enumerate(runs.values()):
        assert run.needs <= set(names[:number])
    begun = [r for r in runs.values() if r.needs or r.name == rows.PRETRAINING]
    rest = [r for r in runs.values() if r not in begun]
    assert {r.begins for r in rest} == {"nothing"}
    tables = {place.table for r in rest for place in r.places}
    assert tables == {"A", "B", "Table 2", "points"}  # real only; from nothing


def test_a_run_of_two_tables_is_done_once():
    run = runs_of()["real_only-all-seed1"]
    assert run.places == (Place("A", "real_only"), Place("B", "real_only", "all"))
    assert not {"real_only-all-seed1"} & runs_of(parts=("points",)).keys()


def test_few_labels_have_three_seeds_and_many_two():
    seeds = collections.defaultdict(set)
    for run in runs_of(parts=("B",)).values():
        for place in run.places:
            seeds[place.row, place.at].add(run.seed)
    for row in listing.FIGURE_4:
        told = [len(seeds[row, str(n)]) for n in rows.DOCUMENT_B]
        assert told == [3, 3, 3, 2, 2, 2] and len(seeds[row, "all"]) == 2
    assert [len(seeds["renders", str(n)]) for n in (1250, 10_000)] == [1, 1]


def test_numbers_of_faces_that_are_not_there_are_told_and_left_out():
    found = listing.plan(request(size="tiny", n_real=(10, 27, 5000)))
    assert found.notes[0].startswith("N_real 27, 5000: left out, there are 26 real")
    places = {place.at for run in found.runs.values() for place in run.places}
    assert "10" in places and not places & {"27", "5000"}


def test_a_row_without_its_config_is_told_and_the_others_are_planned(
    tmp_path, monkeypatch
):
    for file in config_file.OURS.glob("*.py"):
        if file.stem != "daln":
            (tmp_path / file.name).write_text(file.read_text())
    monkeypatch.setattr(config_file, "OURS", tmp_path)
    found = listing.plan(request(parts=("A",), seeds=2))
    told = "DALN + label transfer: left out, there is no configs/daln.py here."
    assert found.notes.count(told) == 1
    names = {run.config for run in found.runs.values()}
    assert "daln" not in names and "discriminator" in names


def test_rows_alone_bring_what_they_need():
    runs = runs_of(size="tiny", parts=("B",), keys=("mixing_25",), n_real=(10,))
    assert list(runs) == [
        "pretraining",
        "synthetic_only-seed0",
        "model_adaptation-n10-seed0",
        "mixing_25-n10-seed0",
        "model_adaptation-all-seed0",
        "mixing_25-all-seed0",
    ]
    assert runs["model_adaptation-n10-seed0"].places == ()
    with pytest.raises(
        UserError, match=r"No row \['daln'\] in B; there are: real_only"
    ):
        request(parts=("B",), keys=("daln",))


def test_jobs_share_the_runs_out():
    runs = list(runs_of().values())
    parts = [work.Job(number, 3).mine(runs) for number in (1, 2, 3)]
    names = [run.name for part in parts for run in part]
    assert sorted(names) == sorted(run.name for run in runs)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_length_is_a_share_of_every_training_and_never_none():
    whole, half = runs_of().values(), runs_of(length=0.5).values()
    assert [r.steps for r in half] == [round(r.steps / 2) for r in whole]
    tiny = runs_of(size="tiny", length=1e-6).values()
    assert {r.steps for r in tiny if not r.measured_only} == {1}


def test_no_more_faces_are_rendered_than_the_longest_training_looks_at():
    whole, short = request().budget, request(length=0.25).budget
    assert whole.faces == 20_000 and whole.renders[-2:] == (10_000, 0)
    assert short.faces == short.alone * short.batch == 9600
    assert short.renders == (1250, 2500, 5000, 0)


def test_300w_without_train_photos_is_refused(tmp_path):
    photos = DUMMY / "ibug_300w/dummy_data"
    there = request(photos=photos, home=tmp_path)
    assert 0 < there.there + there.budget.validation < 10
    with pytest.raises(UserError, match="300-W"):
        request(photos=tmp_path / "nowhere", home=tmp_path)


def test_a_folder_of_other_settings_or_things_is_refused(tmp_path):
    listing.settle(request(length=0.5), tmp_path / "out")
    listing.settle(request(), tmp_path / "out")  # nothing has been run: a dry run's
    (tmp_path / "out/runs").mkdir()
    listing.settle(request(n_real=(50,), seeds=1, parts=("A",)), tmp_path / "out")
    with pytest.raises(UserError, match="size laptop there, tiny here.*another --out"):
        listing.settle(request("tiny"), tmp_path / "out")
    with pytest.raises(UserError, match="row 800 there, 400 here"):
        listing.settle(request(length=0.5), tmp_path / "out")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/photo.jpg").touch()
    with pytest.raises(UserError, match="something else"):
        listing.settle(request(), tmp_path / "other")
    assert [f.name for f in (tmp_path / "other").iterdir()] == ["photo.jpg"]
