"""One step: parts of a batch add up to the whole, and nothing passes the host."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.training import mesh, optim, state, step
from lmkjax.types import purposes
from tests.training import test_loop

OPTIMIZER = optim.adamw(weight_decay=0.0, clip_norm=10.0)


def loss(params, key, batches, *, moment):
    faces = batches["toy"]
    error = jnp.square(faces @ params["w"] - 1).sum(-1)
    return error.mean(), {"loss": (error.sum(), jnp.float32(len(error)))}


def steps(accumulate, *, devices=2, count=3):
    grid = mesh.build(jax.devices()[:devices])
    start = state.Start(lambda key: {"w": jax.random.normal(key, (5, 4))}, OPTIMIZER)
    now = state.create(start, grid, seed=1)
    one = step.build(
        test_loop.of(loss),
        OPTIMIZER,
        peak=0.1,
        warmup_steps=1,
        ema=0.9,
        accumulate=accumulate,
    )
    rows = np.random.default_rng(0).normal(size=(count, 16, 5)).astype(np.float32)
    for row in rows:
        now, told = one(now, mesh.put(grid, {"toy": row}), mesh.scalar(grid, 0.2))
    return now, told


@pytest.mark.parametrize("accumulate", [2, 4])
def test_parts_of_a_batch_add_up_to_the_whole(accumulate):
    (whole, told), (parts, said) = steps(1), steps(accumulate)
    np.testing.assert_allclose(parts.params["w"], whole.params["w"], atol=1e-6)
    for one, other in zip(told["loss"], said["loss"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_the_first_step_by_hand():
    """Adam's first moves are all as long as the rate; the average is nine parts new."""
    now, told = steps(1, devices=1, count=1)
    w = np.asarray(jax.random.normal(purposes(1, "weights", "steps")[0], (5, 4)))
    rows = np.random.default_rng(0).normal(size=(1, 16, 5)).astype(np.float32)[0]
    gradient = 2 * rows.T @ (rows @ w - 1) / 16
    rate = 0.1 * 0.5 * (1 + np.cos(0.2 * np.pi))
    moved = w - rate * np.sign(gradient)
    np.testing.assert_allclose(now.params["w"], moved, atol=1e-5)
    np.testing.assert_allclose(now.ema["w"], 0.1 * w + 0.9 * moved, atol=1e-5)
    length = np.linalg.norm(gradient)
    np.testing.assert_allclose(told["gradient_norm"][0], length, rtol=1e-5)
    np.testing.assert_allclose(told["learning_rate"][0], rate, rtol=1e-5)
    assert int(now.step) == 1


def test_a_part_takes_of_each_device_its_own_faces():
    x = jnp.arange(16).reshape(16, 1)
    parts = [step._part(x, i, 4) for i in range(4)]
    assert sorted(np.concatenate(parts)[:, 0].tolist()) == list(range(16))
    # Of 4 devices with 4 faces each, a part holds one face each.
    for part in parts:
        assert (part[:, 0] // 4).tolist() == [0, 1, 2, 3]


def test_a_batch_that_the_parts_do_not_divide_is_refused():
    grid = mesh.build(jax.devices()[:2])
    mesh.check_batch(grid, 16, stream="toy", accumulate=8)
    with pytest.raises(UserError, match="multiple of 6"):
        mesh.check_batch(grid, 16, stream="toy", accumulate=3)


def test_the_guard_of_the_step_notices_a_transfer():
    grid = mesh.build(jax.devices()[:2])
    double = jax.jit(lambda x: 2 * x)
    with jax.transfer_guard("disallow"):
        double(mesh.scalar(grid, 1.0))
        with pytest.raises(jax.errors.JaxRuntimeError, match="Disallowed"):
            double(np.float32(1.0))


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="It is of the CPU's form.")
def test_a_step_leaves_convolutions_to_xla():
    """YNNPACK takes two to six times as long for the gradients of their kernels."""

    def loss(params, key, batches, *, moment):
        faces, kernel = batches["faces"], params["w"].reshape(3, 3, 32, 32)
        axes = ("NHWC", "HWIO", "NHWC")
        seen = jax.lax.conv_general_dilated(
            faces, kernel, (1, 1), "SAME", dimension_numbers=axes
        )
        error = jnp.square(seen @ params["product"]).mean()
        return error, {"loss": (error, jnp.ones(()))}

    grid = mesh.build(jax.devices()[:1])

    def weights(key):
        return {"w": jax.random.normal(key, (9, 1024)), "product": jnp.eye(32)}

    now = state.create(state.Start(weights, OPTIMIZER), grid, seed=1)
    one = step.build(
        test_loop.of(loss), OPTIMIZER, peak=0.1, warmup_steps=1, ema=0.9, mesh=grid
    )
    batch = mesh.put(grid, {"faces": np.ones((16, 32, 32, 32), np.float32)})
    program = one.lower(now, batch, mesh.scalar(grid, 0.2)).compile().as_text()
    assert " convolution(" in program
    for name in re.findall(r"calls=(%[\w.-]+), .*__ynn_fusion", program):
        body = program[program.index(f"\n{name} (") :]
        assert " convolution(" not in body[: body.index("\n}")]
