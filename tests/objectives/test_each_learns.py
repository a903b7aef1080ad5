"""Every config learns two faces by heart in 40 steps of its own objective."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.adapt import adaptation
from lmkjax.experiment import parts, plan
from lmkjax.landmarks import schemes
from lmkjax.training import mesh, state
from tests import test_configs
from tests.invented import faces

CALM = [  # by heart: the same picture every time
    "--config.augment.rotation_deg=0",
    "--config.augment.scale=0",
    "--config.augment.shift=0",
    "--config.augment.flip=0",
    "--config.augment.colour=0",
    "--config.augment.occlude=0",
    "--config.augment.blur=0",
    "--config.train.batch=4",
    "--config.optimizer.learning_rate=0.01",
    "--config.optimizer.warmup_steps=3",
    "--config.optimizer.weight_decay=0",
    "--config.model.features=16",
]
STEPS = 40


def an_adapter(folder, *, scheme):
    """An adapter fitted on invented faces, as a finished run leaves it."""
    rng = np.random.default_rng(3)
    pred = rng.normal(size=(24, schemes.get(scheme).count, 2)).astype(np.float32)
    adapter = adaptation.fit(pred, pred[:, :68] * 1.1, scheme=schemes.get(scheme))
    adaptation.save(adapter, folder / adaptation.FILE)


@pytest.mark.parametrize("name", sorted(test_configs.STREAMS))
def test_two_faces_are_learned_by_heart(name, tmp_path):
    config = test_configs.load(name, *CALM)
    config.train.init_from = ""  # from chance; tests/experiment/test_init_from.py
    if config.data.adapter:
        an_adapter(tmp_path, scheme=config.data.scheme)
        config.data.adapter = str(tmp_path)
    if config.data.pseudo_labels:
        config.data.pseudo_labels = "shipped"
        # As many places as the labels that the others see in each step.
        config.places.curves = schemes.get(config.scheme).count
    experiment = plan.build(config)
    dense = config.data.pseudo_labels
    grid = mesh.build(jax.devices()[:1])
    start, one_step = parts.build_step(experiment, grid)
    now = state.create(start, grid, seed=0)
    batches = {
        stream: faces(
            "ibug68" if stream == "target" and not dense else config.data.scheme,
            side=experiment.faces.size,
            seed=i,
        )
        for i, stream in enumerate(experiment.shares)
    }
    told = []
    for _ in range(STEPS):
        now, metrics = one_step(now, batches, jnp.float32(0.3))
        told.append({k: float(total / count) for k, (total, count) in metrics.items()})
    for term in ("supervised", "label_transfer"):
        if term in told[0]:
            assert told[-1][term] < 0.6 * told[0][term], term
    assert np.isfinite([list(line.values()) for line in told]).all()
