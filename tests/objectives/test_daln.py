"""DALN: whose gradient goes where in every form, groups, and rows kept from before."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.losses import adversarial
from lmkjax.objectives import daln
from lmkjax.types import Moment, Outputs, Places, purpose
from tests.objectives import test_terms
from tests.objectives.test_terms import HEAD, OUTPUTS, call

STREAMS = ("source", "target")
FEATURES = jnp.stack([OUTPUTS[name].features[-1] for name in STREAMS])
MAPS = (8, 8, 5)


def outputs_of(features):
    return {n: Outputs((f,)) for n, f in zip(STREAMS, features, strict=True)}


def rows_of(form, maps):
    """Matrices of all four faces [k rows columns], as the losses' own functions say."""
    if form == "pixel":
        key = jax.random.fold_in(jax.random.key(5), 0)  # of the one group
        chosen = jax.random.randint(key, (16,), 0, 4 * 64)
        return adversarial.classes(maps, chosen)[None]
    grid = functools.partial(adversarial.places, grid=4)
    rows = (grid if form == "landmark" else adversarial.around)(maps)
    return rows.transpose(2, 0, 1)


@pytest.mark.parametrize("norm", adversarial.NORMS)
@pytest.mark.parametrize("form", daln.FORMS)
def test_daln_drives_the_head_up_and_the_features_down_the_nwd(form, norm):
    term = daln.DALN(form=form, norm=norm, grid=4, pixels=16)

    def nwd(kernel, features):
        rows = [rows_of(form, maps) for maps in features @ kernel]
        return adversarial.discrepancy(*rows, norm=norm).mean()

    def value(kernel, features):
        return call(term, outputs_of(features), kernel=kernel)[0]

    plain, up = jax.value_and_grad(nwd, argnums=(0, 1))(HEAD, FEATURES)
    found, grads = jax.value_and_grad(value, argnums=(0, 1))(HEAD, FEATURES)
    assert all((jnp.abs(g) > 1e-5).any() for g in up)
    np.testing.assert_allclose(found, -plain, atol=1e-6)
    np.testing.assert_allclose(grads[0], -up[0], atol=1e-6)
    np.testing.assert_allclose(grads[1], 0.46211716 * up[1], atol=1e-6)


@pytest.mark.parametrize("form", ["landmark", "window"])
def test_daln_of_groups_is_the_mean_over_groups(form):
    # 4 faces: groups of 2
    term, whole = daln.DALN(form, grid=4, group=3), daln.DALN(form, grid=4)
    halves = [
        {n: jax.tree.map(lambda x, a=a: x[a : a + 2], OUTPUTS[n]) for n in OUTPUTS}
        for a in (0, 2)
    ]
    expected = np.mean([call(whole, half)[0] for half in halves])
    np.testing.assert_allclose(call(term)[0], expected, rtol=1e-5)
    assert abs(call(whole)[0] - expected) > 1e-4


def steps(term, features, *, group):
    """The value of each of some steps, the rows kept after the last, and its gradient.

    Args:
        term: with a queue.
        features: of each step [steps streams faces h w c].
        group: faces of one.
    """
    faces = features.shape[2]
    kept = term.begin(dict.fromkeys(STREAMS, faces), MAPS)
    assert {x.shape[0] for x in kept.values()} == {faces // group}
    values = []
    for each in features:
        now = Moment(jnp.float32(0.1), memory=kept)
        values.append(call(term, outputs_of(each), moment=now)[0])
        last, key = now, jax.random.key(5)
        network = test_terms.Stub(HEAD)
        kept = term.remember(key, network, outputs_of(each), moment=now)

    def value(memory):
        now = last.replace(memory=memory)
        return call(term, outputs_of(features[-1]), moment=now)[0]

    return values, kept, jax.grad(value)(last.memory)


@pytest.mark.parametrize("form", daln.FORMS)
def test_rows_of_earlier_steps_make_the_matrix_larger(key, form):
    """In the first step there are none; then they count and have no gradient."""
    term = daln.DALN(form, grid=4, pixels=16, queue=6)
    features = jax.random.normal(key, (3, 2, 4, 8, 8, 6))
    values, kept, grads = steps(term, features, group=4)
    plain = daln.DALN(form, grid=4, pixels=16)
    first = call(plain, outputs_of(features[0]))[0]
    np.testing.assert_allclose(values[0], first, rtol=1e-5)

    each = [[rows_of(form, maps) for maps in pair @ HEAD] for pair in features]
    many = each[0][0].shape[1]
    for now, older in ((1, 1), (2, 1.5)):  # the queue holds six faces, 1.5 steps
        whole = [
            jnp.concatenate([each[i][s] for i in range(now, -1, -1)], 1)
            for s in range(2)
        ]
        full = int(many * (1 + older))
        # By the rows of a step: those alone have a gradient, and stand for all.
        nwd = adversarial.discrepancy(*(rows[:, :full] for rows in whole)).mean()
        np.testing.assert_allclose(values[now], -nwd * full / many, rtol=1e-4)
        expected = [rows[:, : int(1.5 * many)] for rows in whole]
    for name, rows in zip(STREAMS, expected, strict=True):
        np.testing.assert_allclose(kept[name][0], rows, atol=1e-6)
        np.testing.assert_array_equal(grads[name], 0)


def test_each_group_has_a_queue_of_its_own(key):
    term, whole = (daln.DALN(grid=4, group=n, queue=2) for n in (2, 4))
    features = jax.random.normal(key, (2, 2, 4, 8, 8, 6))
    values, kept, _ = steps(term, features, group=2)
    halves = [steps(whole, features[:, :, a : a + 2], group=2) for a in (0, 2)]
    np.testing.assert_allclose(
        values, np.mean([half[0] for half in halves], 0), rtol=1e-4
    )
    for name in STREAMS:
        rows = jnp.concatenate([half[1][name] for half in halves])
        np.testing.assert_allclose(kept[name], rows, atol=1e-6)


class Choosing(test_terms.Stub):
    """A network that is asked for places; a place's number stands in its x."""

    own = Places(
        np.arange(15, dtype=np.float32).reshape(5, 3),
        np.zeros(5, np.int32),
        np.zeros(5, np.float32),
    )

    def head(self, features, places=None, *, stack=-1):
        rows = (places.xyz[:, 0] / 3).astype(int)
        return features @ self.kernel[:, rows]


@pytest.mark.parametrize("form", daln.FORMS)
def test_some_landmarks_are_asked_about_others_in_each_step(form):
    term = daln.DALN(form, grid=4, pixels=64, count=2)

    def value(key, term=term, kernel=HEAD):
        network, moment = Choosing(kernel), Moment(jnp.float32(0.1))
        return term(key, network, OUTPUTS, {}, moment=moment)[0]

    found = jax.jit(jax.vmap(value))(jax.random.split(jax.random.key(0), 4000))
    if form == "pixel":  # another matrix: of two landmarks and none
        assert np.isfinite(found).all()
        return
    # As many of each: the mean over draws is that of all landmarks.
    every = call(daln.DALN(form, grid=4))[0]
    np.testing.assert_allclose(found.mean(), every, rtol=0.05)
    assert len(np.unique(np.round(found, 5))) > 2


@pytest.mark.parametrize("form", daln.FORMS)
def test_rows_kept_are_of_the_landmarks_that_are_asked_about_again(form, key):
    """So with a queue they are always the same: here those numbered 1 and 3."""
    term = daln.DALN(form, grid=4, pixels=16, count=2, queue=4)
    features = jax.random.normal(key, (2, 4, 8, 8, 6))
    kept = term.begin(dict.fromkeys(STREAMS, 4), MAPS)
    for number in range(2):
        key, network = jax.random.key(number), Choosing(HEAD)
        now = Moment(jnp.float32(0.1), memory=kept)
        kept = term.remember(key, network, outputs_of(features), moment=now)
        chosen = purpose(key, "pixels")
        few = dataclasses.replace(term, count=0)
        expected = few.remember(
            chosen, test_terms.Stub(HEAD[:, [1, 3]]), outputs_of(features), moment=now
        )
        for name in STREAMS:
            np.testing.assert_allclose(kept[name], expected[name], atol=1e-6)


def test_without_a_queue_nothing_is_kept():
    term = daln.DALN()
    assert term.begin(dict.fromkeys(STREAMS, 4), MAPS) == {}


def test_what_is_refused():
    with pytest.raises(ValueError, match="Unknown form 'image'; known"):
        daln.DALN(form="image")
    with pytest.raises(ValueError, match="Unknown norm 'one'; known"):
        daln.DALN(norm="one")
    uneven = OUTPUTS | {"target": test_terms.face_outputs(3, seed=3)}
    with pytest.raises(ValueError, match="got 4 and 3"):
        call(daln.DALN(), uneven)
