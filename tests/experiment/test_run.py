"""A run that cannot be is refused before it makes data or a folder."""

import jax
import pytest

from configs import base
from lmkjax.errors import UserError
from lmkjax.experiment import plan, run
from lmkjax.training import mesh


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


def test_a_batch_to_measure_with_is_shared_by_processes(tmp_path, monkeypatch):
    grid = mesh.build()
    experiment = plan.build(config_of(tmp_path, eval__batch=9))
    run.check_batches(experiment, grid)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(UserError, match="eval.batch=9: wanted a multiple of 2"):
        run.check_batches(experiment, grid)
