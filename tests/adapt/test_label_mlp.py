"""The label MLP: begins as its linear map, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.adapt import label_mlp

NET = label_mlp.LabelMLP(hidden=5, scores=4, landmarks=2)


def test_it_begins_as_the_linear_map(key):
    points = jax.random.normal(key, (6, 3, 2))
    params = NET.init(key, points)["params"]
    params["centre"] = jnp.arange(6.0)
    params["offset"] = jnp.array([0.5, 0.0, 0.0, -1.0])
    out = jax.jit(NET.apply)({"params": params}, points)
    flat = (points.reshape(6, 6) - jnp.arange(6.0)[None]) @ params["linear"]
    expected = (flat + params["offset"][None]).reshape(6, 2, 2)
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_points_of_three_coordinates_are_refused(key):
    with pytest.raises(TypeCheckError):
        NET.init(key, jnp.zeros((6, 2, 3)))
