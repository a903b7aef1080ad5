"""Hair: whole inside its edge, none outside, thin between; the inside has no shine."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face.optics import light, raster
from lmkjax.face.paint import hair, strands, traits
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads

ROWS, COLUMNS = 40, 30
NET = dataclasses.replace(
    hair.grid(heads.load()), triangles=np.array([[0, 1, 2]], np.int32)
)
LAMPS = light.Light(
    environment=jnp.zeros((9, 3)),
    directions=jnp.array([[0.0, 0.0, 1.0]] * 3),
    colours=jnp.zeros((3, 3)).at[0].set(1.0),
    softness=jnp.zeros(()),
    shadow=jnp.zeros(()),
    occlusion=jnp.zeros(()),
)


def sheet(ends_cm):
    """One triangle over the picture, field from `ends_cm` at the top to the bottom."""
    top, bottom = ends_cm
    share = jnp.broadcast_to(jnp.linspace(0, 1, ROWS)[:, None], (ROWS, COLUMNS))
    across = jnp.broadcast_to(jnp.linspace(0, 1, COLUMNS)[None], (ROWS, COLUMNS))
    locks = hair.Locks(
        places=jnp.zeros((3, 3)),
        along=jnp.array([[0.0, -1.0, 0.0]] * 3),
        field=jnp.array([top, top, bottom]),
        chart=jnp.array([[0.0, 0.0], [6.0, 0.0], [0.0, 4.0]]),
        keep=jnp.ones(1),
        net=NET,
    )
    fragments = raster.Fragments(
        triangle=jnp.zeros((ROWS, COLUMNS), jnp.int32),
        covered=jnp.ones((ROWS, COLUMNS), bool),
        weights=jnp.stack([1 - across - share, across, share], -1),
        depth=jnp.ones((ROWS, COLUMNS)),
    )
    return locks, fragments


def shade(person, locks, fragments, *, facing=1.0):
    views = jnp.zeros((ROWS, COLUMNS, 3)).at[..., 2].set(1.0)
    normals = jnp.zeros((3, 3)).at[:, 2].set(facing)
    return jax.jit(strands.shade)(
        locks, normals, locks.along, jnp.ones(3), fragments, views, person, LAMPS
    )


@pytest.fixture(scope="module")
def person():
    drawn = jax.jit(sample.sample)(jax.random.key(1)).hair
    return drawn.replace(
        cover=jnp.ones(()),
        strand=traits.Strand(*jnp.array([0.7, 1.0, 0.1])),
        colour=jnp.array([0.1, 0.05, 0.03]),
        gloss=jnp.asarray(0.1),
        cloth=jnp.zeros(()),
    )


def test_a_fringe_thins_out_in_soft_tips(person):
    _, cover = shade(person, *sheet((4.0, -4.0)))
    assert (cover[:5] > 0.99).all() and (cover[-5:] == 0).all()
    # 1.2 cm of 8 to either side, where strands end: neither all nor nothing.
    edge = np.asarray(cover)[ROWS // 2 - 4 : ROWS // 2 + 4]
    assert ((edge > 0.1) & (edge < 0.9)).mean() > 0.25
    # Ends of different length.
    length = (np.asarray(cover) > 0.5).sum(0)
    assert length.max() - length.min() >= 2


def test_cloth_ends_sharply(person):
    scarf = person.replace(
        cloth=jnp.ones(()), strand=traits.Strand(*jnp.array([0.05, 0.4, 0.0]))
    )
    _, cover = shade(scarf, *sheet((4.0, -4.0)))
    assert ((cover > 0.1) & (cover < 0.9)).mean() < 0.08


def test_the_inner_side_is_the_hair_itself_darker(person):
    locks, fragments = sheet((4.0, 4.0))
    outer, _ = shade(person, locks, fragments)
    inner, _ = shade(person, locks, fragments, facing=-1.0)
    assert (inner < 0.5 * outer).all()
    hue = inner / inner.sum(-1, keepdims=True)
    own = person.colour / person.colour.sum()
    np.testing.assert_allclose(hue, jnp.broadcast_to(own, hue.shape), atol=1e-3)


def test_strands_without_views_are_refused(person):
    locks, fragments = sheet((1.0, 1.0))
    with pytest.raises(TypeCheckError):
        strands.shade(
            locks, locks.along, locks.along, jnp.ones(3), fragments, None, person, LAMPS
        )
