"""A run that begins with other weights: whose, which of them, and what is said."""

import pathlib

import jax
import numpy as np
import pytest

from lmkjax.detect import detection, inference
from lmkjax.errors import UserError
from lmkjax.experiment import config_file, init_from, plan
from lmkjax.training import averaged

ROOT = pathlib.Path(__file__).parents[2]


def network(name, *words, size="tiny"):
    words = [*words, "--config.train.init_from="]
    config = config_file.load_config(f"{ROOT}/configs/{name}.py", words, size=size)
    return plan.build(config).network


def weights_of(spec, seed=None):
    """The shapes of a network's weights, or such weights by chance."""
    shapes = jax.eval_shape(spec.start, jax.random.key(0))
    if seed is None:
        return shapes
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda x: random.normal(size=x.shape).astype("f4"), shapes)


def read(folder, spec):
    """What a network takes over from a run."""
    return init_from.read(folder, weights_of(spec), gain=spec.gain)


FREE = "--config.model.kernels=free"


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """A run of a network with free kernels of 243 points, and its weights."""
    folder, spec = tmp_path_factory.mktemp("dense"), network("synthetic_only", FREE)
    spec.save(folder)
    weights = weights_of(spec, seed=1)
    averaged.save(weights, folder / averaged.EXPORTED)
    return folder, spec, weights


def test_the_68_of_a_dense_network_are_where_they_were(dense):
    folder, theirs, weights = dense
    ours = network("fine_tuning", FREE)
    # How sure it is, is not theirs to say: it begins by chance.
    mine = weights_of(ours, seed=3) | read(folder, ours)
    image = jax.random.uniform(jax.random.key(2), (1, 32, 32, 3))
    few, many = (
        inference.predictor(spec)(params, inference.asker(spec)(params), image).points
        for spec, params in ((ours, mine), (theirs, weights))
    )
    near = theirs.scheme.subset68
    np.testing.assert_allclose(few, many[:, near], rtol=1e-4, atol=1e-3)


def test_a_network_of_any_place_goes_on_in_another_scheme(tmp_path):
    """All of it: nothing in it is of a scheme."""
    spec, ours = network("synthetic_only"), network("fine_tuning")
    spec.save(tmp_path)
    weights = weights_of(spec, seed=2)
    averaged.save(weights, tmp_path / averaged.EXPORTED)
    mine = read(tmp_path, ours)
    jax.tree.map(np.testing.assert_array_equal, mine, weights)


@pytest.mark.parametrize("name", ["fine_tuning", "daln"])
def test_every_scheme_goes_on_with_the_weights_that_ship(name):
    """In 68 points and in 490; what else a config's network has begins anew."""
    folder = init_from.folder(init_from.SHIPPED)
    given = read(folder, network(name, size="laptop"))
    shipped = averaged.load(folder)
    assert {"hourglass", "kernels"} <= set(given) <= set(shipped)
    for part, mine in given.items():
        jax.tree.map(np.testing.assert_array_equal, mine, shipped[part])


def test_free_kernels_and_places_do_not_go_together(dense):
    with pytest.raises(UserError, match="kernels.*free.*place"):
        read(dense[0], network("synthetic_only"))


def test_parts_that_only_this_network_has_are_drawn_anew(dense):
    given = read(dense[0], network("daln", FREE))
    assert set(given) == {"hourglass", "kernels"}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--config.model.features=4", r"\(.*\) there and \(.*\) here"),
        ("--config.model.stacks=2", "the network is of .* arrays"),
        ("--config.heatmaps.gain=1", "heatmaps.gain is 16 there and 1 here"),
    ],
)
def test_weights_of_another_shape_are_refused(word, said, dense):
    with pytest.raises(UserError, match=said):
        read(dense[0], network("synthetic_only", FREE, word))


def test_shipped_weights_stand_behind_one_word():
    assert init_from.folder(init_from.SHIPPED) == detection.shipped()
    assert init_from.folder("") is None


def test_the_main_job_alone_begins_with_shipped_weights_and_says_so():
    def begins(size):
        config = config_file.load_config(f"{ROOT}/configs/daln.py", [], size=size)
        return config.train.init_from, plan.build(config).network.trained_on

    word, seen = begins("laptop")
    assert word == "shipped"
    assert seen.endswith(
        "; began with the weights that come with lmkjax, trained on faces rendered by"
        " lmkjax"
    )
    assert {begins(size)[0] for size in ("tiny", "full")} == {""}
