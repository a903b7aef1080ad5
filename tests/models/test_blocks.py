"""Building blocks: second implementations, and that faces do not mix."""

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
from flax import linen as nn

from lmkjax.models import blocks


@pytest.fixture
def x(key):
    return jax.random.normal(key, (2, 4, 6, 16)) * 3 + 1


def test_norm_is_flaxs_group_norm(key, x):
    ours, theirs = blocks.Norm(groups=8), nn.GroupNorm(num_groups=8, epsilon=1e-5)
    scale, offset = jax.random.normal(key, (2, 16))
    got = jax.jit(ours.apply)({"params": {"scale": scale, "offset": offset}}, x)
    expected = theirs.apply({"params": {"scale": scale, "bias": offset}}, x)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_norms_gradient_is_that_of_flaxs_group_norm(key, x):
    ours, theirs = blocks.Norm(groups=4), nn.GroupNorm(num_groups=4, epsilon=1e-5)
    scale, offset = jax.random.normal(key, (2, 16))

    def grads(module, offset_name):
        def total(scale, offset, x):
            params = {"scale": scale, offset_name: offset}
            return jnp.sin(module.apply({"params": params}, x)).sum()

        return jax.jit(jax.grad(total, (0, 1, 2)))(scale, offset, x)

    for got, expected in zip(grads(ours, "offset"), grads(theirs, "bias"), strict=True):
        np.testing.assert_allclose(got, expected, atol=3e-5)


@pytest.mark.parametrize("window", [1, 3])
def test_what_a_convolution_adds_may_be_added_by_the_norm_after_it(key, x, window):
    """The library's own two layers, forwards and backwards, from the same numbers."""
    theirs = nn.Conv(12, (3, 3)) if window == 3 else nn.Dense(12)
    ours = blocks.Apart(12, window=window)
    params, own = theirs.init(key, x), ours.init(key, x)
    jax.tree.map(np.testing.assert_array_equal, params, own)
    bias = 3 * jax.random.normal(key, (12,))
    params = {"params": params["params"] | {"bias": bias}}
    norm = blocks.Norm(groups=4)
    scale, offset = jax.random.normal(jax.random.key(1), (2, 12))
    rows = {"params": {"scale": scale, "offset": offset}}

    def total(params, rows, x, apart):
        y = ours.apply(params, x) if apart else (theirs.apply(params, x),)
        return jnp.sin(norm.apply(rows, *y)).sum()

    each = jax.jit(jax.value_and_grad(total, (0, 1, 2)), static_argnums=3)
    got, expected = (each(params, rows, x, apart) for apart in (True, False))
    assert jnp.abs(expected[1][0]["params"]["bias"]).min() > 1e-4
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=3e-4), got, expected
    )


def test_norm_takes_the_most_groups_that_divide_the_channels(x):
    odd = x[..., :15]
    got, _ = blocks.Norm(groups=8).init_with_output(jax.random.key(0), odd)
    grouped = got.reshape(2, 4, 6, 5, 3)  # 5 groups of 3
    np.testing.assert_allclose(grouped.mean((1, 2, 4)), 0, atol=1e-5)
    np.testing.assert_allclose(grouped.std((1, 2, 4)), 1, atol=1e-3)


def test_a_face_does_not_see_the_others_of_its_batch(key, x):
    block = blocks.Residual(10)
    params = jax.jit(block.init)(key, x)
    apply = jax.jit(block.apply)
    alone = apply(params, x[1:])
    np.testing.assert_allclose(apply(params, x)[1:], alone, atol=1e-5)


def test_halve_double_and_fold_equal_the_librarys(x):
    np.testing.assert_array_equal(
        blocks.halve(x), nn.max_pool(x, (2, 2), strides=(2, 2))
    )
    resized = jax.image.resize(x, (2, 8, 12, 16), "nearest")
    np.testing.assert_array_equal(blocks.double(x), resized)
    np.testing.assert_array_equal(blocks.halve(blocks.double(x)), x)
    folded = blocks.fold(x)
    assert folded.shape == (2, 2, 3, 64)
    corner = x[1, 2:4, 4:6].reshape(-1)  # row 1, column 2 of the folded picture
    np.testing.assert_array_equal(folded[1, 1, 2], corner)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (blocks._halved_in_blocks, blocks._halved_in_strides),
        (blocks._doubled_by_copies, blocks._doubled_by_ones),
    ],
)
def test_halving_and_doubling_are_the_same_on_a_tpu(x, here, there):
    x = jnp.round(x)  # with ties; what a doubled cell's gradients add up to is exact
    y, back = jax.vjp(here, x)
    other, other_back = jax.vjp(there, x)
    np.testing.assert_array_equal(y, other)
    grad = jnp.arange(y.size, dtype=jnp.float32).reshape(y.shape)
    np.testing.assert_array_equal(back(grad)[0], other_back(grad)[0])


def test_halving_hands_the_gradient_to_one_of_equal_cells():
    # The compiler may work a cell out twice, and differently in the last digit. A
    # gradient that asks which cell equals the maximum then loses or shares itself:
    # where all are equal, `max` and `maximum` share it, and one cell must have it all.
    equal = jnp.ones((4, 6, 10, 3))
    grad = jax.grad(lambda x: (blocks.halve(x) * 2).sum())(equal)
    assert set(np.unique(grad)) == {0, 2}
    np.testing.assert_array_equal(blocks.fold(grad).reshape(4, 3, 5, 4, 3).sum(3), 2)


def test_bfloat16_inside_keeps_float32_parameters(key, x):
    block = blocks.Residual(10, jnp.bfloat16)
    out, params = jax.eval_shape(block.init_with_output, key, x)
    assert out.dtype == jnp.bfloat16
    assert all(p.dtype == jnp.float32 for p in jax.tree.leaves(params))


@pytest.mark.parametrize("change", [blocks.halve, blocks.fold])
def test_odd_sides_are_refused(x, change):
    with pytest.raises(ValueError, match="even sides"):
        change(x[:, :3])


def test_each_platforms_form_is_the_function_and_its_gradient(key):
    form = blocks.by_platform(lambda x, w: x * w * 2, cpu=lambda x, w: x * w * 3)
    x, w = jax.random.normal(key, (2, 5))
    value, (dx, dw) = jax.jit(
        jax.value_and_grad(lambda x, w: form(x, w).sum(), (0, 1))
    )(x, w)
    np.testing.assert_allclose(value, 3 * (x * w).sum(), rtol=1e-6)
    np.testing.assert_allclose((dx, dw), (3 * w, 3 * x), rtol=1e-6)


def test_a_program_for_another_platform_holds_that_platforms_form():
    # As `launch.pods` compiles for a TPU on a machine that has none.
    form = blocks.by_platform(jnp.exp, tpu=jnp.tanh)
    traced = jax.jit(jax.value_and_grad(form)).trace(jnp.ones(()))
    for platform, has, lacks in (("tpu", "tanh", "exp"), ("cpu", "exp", "tanh")):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert f"stablehlo.{has}" in text and f"stablehlo.{lacks}" not in text


def test_a_plain_program_is_plain_whatever_was_traced_before(key):
    block, x = blocks.Residual(8), jnp.ones((1, 4, 4, 8))
    weights = block.init(key, x)

    def chooses():
        return "platform_index" in str(
            jax.make_jaxpr(lambda x: block.apply(weights, x))(x)
        )

    assert chooses()
    with blocks.plainly():
        assert not chooses()
    assert chooses()


def test_residual_blocks_of_a_shape_are_traced_but_once(key, monkeypatch):
    traced = []
    look = blocks.Apart.__call__
    monkeypatch.setattr(
        blocks.Apart, "__call__", lambda self, x: traced.append(x) or look(self, x)
    )
    three = nn.Sequential([blocks.Residual(6) for _ in range(3)])
    weights = three.init(key, jnp.ones((1, 4, 4, 6)))
    traced.clear()
    jax.make_jaxpr(lambda x: three.apply(weights, x))(jnp.ones((1, 4, 4, 6)))
    assert len(traced) == 2


def test_dense_is_flaxs_dense_in_value_and_gradient(key, x):
    ours, theirs = blocks.Dense(5), nn.Dense(5)
    params = theirs.init(key, x)

    def grads(module):
        def total(params, x):
            return jnp.sin(module.apply(params, x)).sum()

        return jax.jit(jax.grad(total, (0, 1)))(params, x)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4),
        grads(ours),
        grads(theirs),
    )
