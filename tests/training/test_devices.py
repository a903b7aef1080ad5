"""The main job's own step: on one device or eight, in one part or four, in place."""

import jax
import jax.numpy as jnp
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
    """Steps of daln.py on devices given: what each told, the states, the program.

    Each step begins with a state of `starts`, where given, and not with the last's.
    """

    def steps(devices, *overrides, fsdp_min_size=0, starts=None):
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
        start, one_step = parts.build_step(experiment, grid)
        now = state.create(start, grid, seed=0, fsdp_min_size=fsdp_min_size)
        layouts = jax.tree.map(lambda x: x.sharding, now)
        losses, states, compiled = [], [kept(now)], None
        for number in range(STEPS):
            if starts:
                now = kept(jax.device_put(starts[number], layouts))
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
            states.append(kept(now))
        return losses, states, now, compiled.as_text()

    return steps


@pytest.fixture(scope="module")
def alone(build):
    return build(jax.devices()[:1])


@pytest.mark.parametrize("fsdp_min_size", [0, pytest.param(64, marks=pytest.mark.slow)])
def test_eight_devices_take_the_steps_of_one(fsdp_min_size, build, alone):
    starts = alone[1]
    losses, states, eight, program = build(
        jax.devices()[:8], fsdp_min_size=fsdp_min_size, starts=starts
    )
    assert {"supervised", "daln", "label_transfer"} <= set(losses[0])
    alike(alone, (losses, states))
    # Faces stay where they are but for DALN's groups, which here span the devices.
    collectives = programs.Program(program).collectives()
    assert not {"all-to-all", "collective-permute"} & set(collectives)
    for x in jax.tree.leaves((eight.params, eight.ema, eight.opt_state)):
        shared = bool(fsdp_min_size) and x.size >= fsdp_min_size
        shared = shared and max(x.shape) % 8 == 0
        assert {s.data.size * 8**shared for s in x.addressable_shards} == {x.size}
        assert len({s.device for s in x.addressable_shards}) == 8
    assert fsdp_min_size == 0 or "all-gather" in collectives


def kept(now):
    """A state of its own memory: a step takes that of the one it is given."""
    return jax.tree.map(jnp.copy, now)


def alike(one, other):
    """The steps are the same, each begun at the same state.

    (Adam lets parameters of next to no gradient go either way; a step later another
    network is asked.)
    """
    for number, told in enumerate(one[0]):
        for name, value in told.items():
            if "gradient_at" in name:  # of a part of the faces, where there are parts
                continue
            # Sums are taken in another order: that is all. DALN's value is a
            # difference of norms near 2, in single precision.
            np.testing.assert_allclose(
                other[0][number][name], value, rtol=1e-3, atol=1e-7, err_msg=name
            )
        assert far(one[1][number + 1], other[1][number + 1]) < 0.005 * PEAK


def far(one, other):
    """How far two networks' parameters lie apart, on average."""
    flat = [
        np.concatenate([np.ravel(x) for x in jax.tree.leaves(s.params)])
        for s in (one, other)
    ]
    return np.abs(flat[0] - flat[1]).mean()


@pytest.mark.slow
def test_parts_of_a_batch_add_up_to_the_whole(build):
    whole = build(jax.devices()[:1], *PLAIN)
    parted = build(
        jax.devices()[:2], *PLAIN, "--config.train.accumulate=4", starts=whole[1]
    )
    alike(whole, parted)
