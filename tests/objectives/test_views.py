"""Views beside the streams, and the colours that streams lend each other."""

import dataclasses

import jax
import numpy as np
import pytest

from lmkjax.data import geometric, photometric
from lmkjax.experiment import parts, plan
from lmkjax.objectives import mean_teacher
from lmkjax.training import mesh
from tests import test_configs
from tests.invented import faces

OTHER = {"source": "target", "target": "source"}
FIELDS = ("mild=0.0", "strong=1.0", "style=0.0")


@pytest.fixture(scope="module")
def prepared():
    """What a step prepares without and with styles, the batches, and the network."""
    given = [f"--config.terms.mean_teacher.{field}" for field in FIELDS]
    config = test_configs.load("mean_teacher", *given, "--config.train.init_from=")
    experiment = plan.build(config)
    goal = parts.build_objective(experiment, mesh.build(jax.devices()[:1]))
    side = experiment.faces.size
    batches = {
        "source": faces(config.data.scheme, side=side, seed=0),
        "target": faces("ibug68", side=side, seed=1, count=3),
    }
    found = []
    for style in (1e-9, 1.0):  # never and always; by programs that round alike
        told = jax.jit(dataclasses.replace(goal, style=style)._faces)
        found.append(told(jax.random.key(0), batches))
    assert goal.streams == ("source", "target")
    return found, batches, experiment.network


def test_a_view_is_prepared_of_a_stream_and_not_shown_to_the_network(prepared):
    (plain, _), batches, network = prepared
    assert set(plain) == {"source", "target", mean_teacher.MILD}
    seen = plain[mean_teacher.MILD]
    centred = geometric.centre(
        batches["target"], size=network.input_px, framing=network.framing
    )
    np.testing.assert_allclose(seen.image, centred.image, atol=1e-5)
    np.testing.assert_allclose(seen.points, centred.points, atol=1e-4)
    assert np.abs(plain["target"].image - seen.image).mean() > 0.02
    carried = mean_teacher.carry(seen.points, seen.frame, plain["target"].frame)
    mirrored = np.linalg.det(np.asarray(plain["target"].frame)) < 0
    same = np.abs(carried - plain["target"].points).max((1, 2)) < 1e-3
    np.testing.assert_array_equal(same, ~mirrored)  # else other points are partners


def test_the_networks_pictures_of_both_take_on_colours_and_the_teachers_keep_theirs(
    prepared,
):
    (plain, styled), *_ = prepared
    for name in ("source", "target"):
        one, other = plain[name], styled[name]
        assert (np.abs(one.image - other.image).max((1, 2, 3)) > 1e-3).all()
        np.testing.assert_array_equal(one.points, other.points)
        # Towards what the other stream's pictures look like.
        styles = [np.asarray(photometric.style(x.image)) for x in (one, other)]
        theirs = np.asarray(photometric.style(plain[OTHER[name]].image))
        low, high = theirs.min(0), theirs.max(0)
        out = [np.maximum(low - s, s - high).max((1, 2)) for s in styles]
        assert (out[1] <= np.maximum(out[0], 0) + 0.02).all()
    one, other = (x[mean_teacher.MILD].image for x in (plain, styled))
    np.testing.assert_array_equal(one, other)
