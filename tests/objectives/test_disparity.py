"""The rival and the features: whose gradient goes where, and when."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.losses import agreement
from lmkjax.objectives import disparity
from lmkjax.types import Batch, Moment, Outputs, Places

FACES = {"source": 3, "target": 2}
LANDMARKS = 7
OWN = Places(
    np.arange(LANDMARKS * 3, dtype=np.float32).reshape(LANDMARKS, 3),
    np.zeros(LANDMARKS, np.int32),
    np.zeros(LANDMARKS, np.float32),
)
MASK = {"source": jnp.array([True, False, True]), "target": jnp.ones(2, bool)}
TERM = disparity.Disparity(1.0, begin=0.2, ramp=0.0)
LATE, EARLY = jnp.float32(0.9), jnp.float32(0.1)


@dataclasses.dataclass
class Stub:
    """A network of two heads that are matrices; a place's number is its landmark."""

    params: dict
    own = OWN

    def head(self, features, places):
        return features @ self.params["head"][:, self.rows(places)]

    def rival(self, features, places):
        return features @ self.params["rival"][:, self.rows(places)]

    def rows(self, places):
        return (places.xyz[:, 0] / 3).astype(int)


def features(stream):
    return jax.random.normal(jax.random.key(FACES[stream]), (FACES[stream], 8, 8, 6))


def heads():
    one, other = jax.random.normal(jax.random.key(9), (2, 6, LANDMARKS))
    return {"head": one, "rival": other}


def batch(stream):
    count = FACES[stream]
    return Batch(
        image=jnp.zeros((count, 32, 32, 3)),
        points=jnp.zeros((count, LANDMARKS, 2)),
        visibility=jnp.zeros((count, LANDMARKS), jnp.int8),
        box=jnp.zeros((count, 4)),
        mask=MASK[stream],
    )


BATCHES = {stream: batch(stream) for stream in FACES}


def value(params, seen, *, term=TERM, progress=LATE):
    outputs = {name: Outputs((f,)) for name, f in seen.items()}
    own = Stub(params)
    return term(jax.random.key(1), own, outputs, BATCHES, moment=Moment(progress))


SEEN = {stream: features(stream) for stream in FACES}


def paid(params, seen, stream, *, false=False):
    """A part by hand: the mean over real faces."""
    wanted = agreement.truth(seen[stream] @ params["head"], sigma_px=1.0)
    wanted = agreement.falsehood(wanted) if false else wanted
    each = agreement.divergence(seen[stream] @ params["rival"], wanted).mean(-1)
    return (each * MASK[stream]).sum() / MASK[stream].sum()


def test_its_value_is_the_papers_sum():
    params = heads()
    expected = 4 * paid(params, SEEN, "source")
    early, _ = value(params, SEEN, progress=EARLY)
    np.testing.assert_allclose(early, expected, rtol=1e-5)
    expected += paid(params, SEEN, "target") + paid(params, SEEN, "target", false=True)
    late, told = value(params, SEEN)
    np.testing.assert_allclose(late, expected, rtol=1e-5)
    assert told["strength"][0] == np.float32(0.1)
    assert told["source"][1] == told["true"][1] == told["false"][1] == 2


def test_the_rival_learns_the_falsehood_and_the_features_the_truth():
    """The head itself feels nothing; what the features feel is a tenth."""
    params = heads()
    (at_heads, at_seen), _ = jax.grad(value, argnums=(0, 1), has_aux=True)(params, SEEN)
    np.testing.assert_array_equal(at_heads["head"], 0)

    def of_rival(params):
        false = paid(params, SEEN, "target", false=True)
        return 4 * paid(params, SEEN, "source") + false

    expected = jax.grad(of_rival)(params)["rival"]
    np.testing.assert_allclose(at_heads["rival"], expected, atol=1e-5)

    def of_features(seen):
        return 4 * paid(params, seen, "source") + paid(params, seen, "target")

    # What is wanted has no gradient, so these are those of the rival's maps alone.
    expected = jax.grad(of_features)(SEEN)
    for stream in FACES:
        np.testing.assert_allclose(at_seen[stream], 0.1 * expected[stream], atol=1e-6)
        assert jnp.abs(at_seen[stream]).max() > 1e-4


def test_before_its_time_the_rival_learns_and_no_feature_feels_it():
    params = heads()
    grads = jax.grad(lambda p, s: value(p, s, progress=EARLY)[0], (0, 1))(params, SEEN)
    expected = jax.grad(lambda p: 4 * paid(p, SEEN, "source"))(params)["rival"]
    np.testing.assert_allclose(grads[0]["rival"], expected, atol=1e-5)
    for stream in FACES:
        np.testing.assert_array_equal(grads[1][stream], 0)


@pytest.mark.parametrize("count", [3, 9])
def test_some_landmarks_are_asked_about(count):
    parts, _ = value(heads(), SEEN, term=dataclasses.replace(TERM, count=count))
    assert np.isfinite(parts)
    assert (parts == value(heads(), SEEN)[0]) == (count > LANDMARKS)
