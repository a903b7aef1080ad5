"""The main job's own step: on one device or eight, in one part or four, in place."""

import jax
import numpy as np
import pytest

from launch import programs
from lmkjax.experiment import parts, plan
from lmkjax.training import mesh, state
from tests import test_configs
from tests.invented import faces

STEPS, PEAK = 4, 1e-3
# Channels of the label transfer. At tiny's 8 its innermost norms are of four numbers
# each, and can blow up a last digit 10,000-fold: two right programs then part.
WIDE = 64
PLAIN = [  # no chance, and a DALN that looks at each face alone: parts add up exactly
    "--config.terms.daln.group=1",
    *(f"--config.augment.{x}=0.0" for x in ("rotation_deg", "scale", "shift", "flip")),
    *(f"--config.augment.{x}=0.0" for x in ("colour", "occlude", "blur")),
]


@pytest.fixture(scope="module")
def build():
    """Steps of daln.py on devices given: losses and weights."""

    def steps(devices, *overrides, fsdp_min_size=0):
        config = test_configs.load(
            "daln",
            f"--config.optimizer.learning_rate={PEAK}",
            "--config.optimizer.warmup_steps=1",
            f"--config.train.fsdp_min_size={fsdp_min_size}",
            f"--config.model.transfer_features={WIDE}",
            *overrides,
        )
        experiment = plan.build(config)
        grid = mesh.build(devices)
        init, optimizer, one_step = parts.build_step(experiment, grid)
        now = state.create(init, optimizer, grid, seed=0, fsdp_min_size=fsdp_min_size)
        losses, compiled = [], None
        for number in range(STEPS):
            batches = {
                name: faces(
                    scheme, side=experiment.faces.size, seed=10 * number + i, count=8
                )
                for i, (name, scheme) in enumerate(
                    [("source", config.data.scheme), ("target", "ibug68")]
                )
            }
            batches, progress = mesh.put(grid, batches), mesh.scalar(grid, 0.5)
            compiled = compiled or one_step.lower(now, batches, progress).compile()
            old = jax.tree.leaves(now)
            with jax.transfer_guard("disallow"):  # nothing passes the host on the way
                now, told = compiled(now, batches, progress)
            assert all(x.is_deleted() for x in old)  # its memory is the new state's
            losses.append({k: float(a / b) for k, (a, b) in told.items()})
        return losses, now, compiled.as_text()

    return steps


@pytest.fixture(scope="module")
def alone(build):
    return build(jax.devices()[:1])


@pytest.mark.parametrize("fsdp_min_size", [0, pytest.param(64, marks=pytest.mark.slow)])
def test_eight_devices_take_the_steps_of_one(fsdp_min_size, build, alone):
    losses, eight, program = build(jax.devices()[:8], fsdp_min_size=fsdp_min_size)
    assert {"supervised", "daln", "label_transfer"} <= set(losses[0])
    for one, other in zip(alone[0], losses, strict=True):
        for name, value in one.items():
            # Sums over faces are taken in another order: at the first step that is
            # all. Adam then lets parameters of next to no gradient go either way.
            rtol = 1e-4 if one is alone[0][0] else 5e-3
            np.testing.assert_allclose(other[name], value, rtol=rtol, err_msg=name)
    # Faces stay where they are but for DALN's groups, which here span the devices.
    collectives = programs.Program(program).collectives()
    assert not {"all-to-all", "collective-permute"} & set(collectives)
    for x in jax.tree.leaves((eight.params, eight.ema, eight.opt_state)):
        shared = bool(fsdp_min_size) and x.size >= fsdp_min_size
        shared = shared and max(x.shape) % 8 == 0
        assert {s.data.size * 8**shared for s in x.addressable_shards} == {x.size}
        assert len({s.device for s in x.addressable_shards}) == 8
    assert fsdp_min_size == 0 or "all-gather" in collectives
    assert far(alone[1], eight) < 0.005 * PEAK * STEPS


def far(one, other):
    """How far two networks' parameters lie apart, on average."""
    flat = [
        np.concatenate([np.ravel(x) for x in jax.tree.leaves(s.params)])
        for s in (one, other)
    ]
    return np.abs(flat[0] - flat[1]).mean()


@pytest.mark.slow
def test_parts_of_a_batch_add_up_to_the_whole(build):
    whole, one, _ = build(jax.devices()[:1], *PLAIN)
    parted, other, _ = build(jax.devices()[:2], *PLAIN, "--config.train.accumulate=4")
    for step, (first, second) in enumerate(zip(whole, parted, strict=True)):
        for name, value in first.items():
            rtol = 5e-3 if step else 1e-4  # as above
            np.testing.assert_allclose(second[name], value, rtol=rtol, err_msg=name)
    assert far(one, other) < 0.005 * PEAK * STEPS
