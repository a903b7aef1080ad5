"""A run that cannot be is refused before it makes data or a folder."""

import functools
import types

import jax
import pytest

from configs import base
from lmkjax import train
from lmkjax.detect import inference
from lmkjax.errors import UserError
from lmkjax.experiment import config_file, init_from, plan, record, run
from lmkjax.training import loop, mesh, state


def config_of(folder, **fields):
    config = base.get_config("tiny").unlock()
    if "data__pseudo_labels" in fields:
        config.terms.supervised.streams = ("source", "target")
    config.data.dir = str(folder / "data")
    for field, value in fields.items():
        part, _, name = field.partition("__")
        config[part][name] = value
    return config.lock()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"train__batch": 12}, "multiple of 8"),  # eight devices are pretended
        ({"train__accumulate": 3}, "multiple of 24"),
        ({"train__save_every": 0}, "train.save_every=0: wanted"),
        ({"data__adapter": "nowhere"}, "nowhere"),
        ({"data__backgrounds": "nowhere"}, "nowhere"),
        ({"train__init_from": "nowhere"}, "nowhere"),
        ({"data__pseudo_labels": "nowhere"}, "nowhere"),
    ],
)
def test_nothing_is_made_for_a_run_that_cannot_be(fields, said, tmp_path):
    with pytest.raises(UserError, match=said):
        run.run(config_of(tmp_path, **fields), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_run_that_was_stopped_ends_with_the_code_asked_for(tmp_path, monkeypatch):
    words = ["--config", f"{config_file.OURS / 'daln.py'}:tiny", "--workdir", "x"]
    for finished, code in ((True, 0), (False, 75)):
        monkeypatch.setattr(run, "run", lambda *_, finished=finished: finished)
        assert train.main([*words, "--stopped-code", "75"]) == code
        assert train.main(words) == 0
    with pytest.raises(UserError, match="--stopped-code wants 0 to 255; got 256"):
        train.main([*words, "--stopped-code", "256"])


def test_a_folder_of_others_is_refused_before_a_run_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "load", None)  # would be refused otherwise
    workdir, photos = tmp_path / "run", tmp_path / "photos"
    photos.mkdir()
    (photos / "faces_of_friends.png").touch()
    with pytest.raises(UserError, match=r"already holds 'faces_of_friends\.png'"):
        run.evaluate(workdir, test_sets=None, out=photos)
    with pytest.raises(UserError, match="than the run's own"):
        run.evaluate(workdir, test_sets=None, out=workdir)


@pytest.mark.parametrize(("asked", "wanted"), [(None, 12.5), (10, 10.0)])
def test_a_run_is_measured_again_at_its_own_threshold(
    asked, wanted, tmp_path, monkeypatch
):
    config = config_of(tmp_path, eval__failure=12.5)
    record.write(config, tmp_path)
    monkeypatch.setattr(inference, "load", lambda *_, best: (None, None))
    told = []

    def build(config, **_):
        told.append(config.eval.failure)
        raise UserError("enough")

    monkeypatch.setattr(plan, "build", build)
    with pytest.raises(UserError, match="enough"):
        run.evaluate(tmp_path, test_sets=None, threshold=asked)
    assert told == [wanted]


def test_a_run_goes_on_where_the_run_that_it_began_with_is_gone(tmp_path, monkeypatch):
    """What the network has seen it has told itself."""
    first, workdir = tmp_path / "first", tmp_path / "run"
    first.mkdir()
    plan.build(config_of(tmp_path)).network.save(first)
    config = config_of(tmp_path, train__init_from=str(first))
    seen = plan.build(config, workdir=workdir).network.trained_on
    assert "began with" in seen
    workdir.mkdir()
    plan.build(config).network.save(workdir)
    (first / "network.json").unlink()
    with pytest.raises(UserError, match="first"):
        plan.build(config, workdir=workdir)  # it has not begun
    (workdir / "checkpoints/3").mkdir(parents=True)
    experiment = plan.build(config, workdir=workdir)
    assert experiment.network.trained_on == seen

    monkeypatch.setattr(state, "create", lambda *_, given, **__: given)
    monkeypatch.setattr(loop, "run", lambda given, *_, **__: given)
    faces = types.SimpleNamespace(source=None, target=None, tests=[])
    go_on = functools.partial(run.train, experiment, grid=mesh.build(), benchmark=None)
    assert go_on(workdir, faces) == {}
    with pytest.raises(UserError, match="first"):
        go_on(tmp_path / "another", faces)
    # While it is there its weights are read: the checkpoint may prove to be damaged.
    monkeypatch.setattr(init_from, "read", lambda *_, **__: {"theirs": 1})
    experiment.network.save(first)
    assert go_on(workdir, faces) == {"theirs": 1}


def test_a_batch_to_measure_with_is_shared_by_processes(tmp_path, monkeypatch):
    grid = mesh.build()
    experiment = plan.build(config_of(tmp_path, eval__batch=9))
    run.check_batches(experiment, grid)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(UserError, match="eval.batch=9: wanted a multiple of 2"):
        run.check_batches(experiment, grid)
