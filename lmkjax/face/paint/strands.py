"""What hair looks like in a pixel: strands, their highlights, ragged ends."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lmkjax.face.optics import barrier, blend, light, noise, raster
from lmkjax.face.paint import hair, traits
from lmkjax.types import typed


@typed
def shade(
    locks: hair.Locks,
    normals: Float[Array, "n 3"],
    along: Float[Array, "n 3"],
    shadow: Float[Array, " n"],
    fragments: raster.Fragments,
    views: Float[Array, "h w 3"],
    person: traits.Hair,
    lamps: light.Light,
) -> tuple[Float[Array, "h w 3"], Float[Array, "h w"]]:
    """Linear colour of hair in each pixel, and how much of it covers the pixel.

    Args:
        locks: the hair's surface.
        normals: of its nodes, in the camera's axes.
        along: the strands' directions, in the camera's axes.
        shadow: share of the first lamp that arrives at each node.
        fragments: which triangle of the hair is nearest.
        views: unit vectors from the pixels to the camera.
        person: whose hair.
        lamps: the light.
    """
    carried = jnp.concatenate(
        [normals, along, locks.chart, jnp.stack([locks.field, shadow], -1)], -1
    )
    at = barrier.barrier(raster.interpolate(carried, locks.net.triangles, fragments))
    normal, strand = light.unit(at[..., :3]), light.unit(at[..., 3:6])
    side = jnp.where((normal * views).sum(-1) > 0, 1.0, -1.0)
    ragged, curl = person.strand.ragged, person.strand.curl
    way, down, field, lit = (at[..., i] for i in range(6, 10))
    way = way + curl * 0.5 * jnp.sin(down * 1.7 + way)
    cloth, stretch = person.cloth, 0.015 + 0.06 * curl
    fine = noise.texel(
        jnp.stack([way / 13.0, down * stretch], -1) + person.offset[None, None]
    )
    # Folds of cloth run down and outwards, and are wider than locks.
    across = way / 28 + cloth * (jnp.abs(way) / 70 + down / 90 - way / 28)
    along = down * (0.25 * stretch + cloth * (0.006 - 0.25 * stretch))
    broad = noise.sample(jnp.stack([across, along], -1) + person.offset[None, None])
    fine, broad = barrier.barrier((fine, broad))
    # Locks of a few mm reach beyond the edge, each to its own length, and thin out.
    tips = ragged * (0.25 * broad[..., 3] + 0.55 * broad[..., 0])
    cover = (field + tips) / (0.4 + 0.8 * ragged) + 0.5
    loose = 0.12 * fine[..., 3] * ragged * jnp.clip(2.0 - cover, 0, 1)
    cover = blend.smoothstep(cover + loose) * fragments.covered
    thin = jnp.clip(person.cover + 0.3 * fine[..., 3] * (1 - person.cover), 0, 1)
    grain = (0.26 - 0.2 * cloth) * fine[..., 3] + (0.25 + 0.2 * cloth) * broad[..., 0]
    hem = cloth * jnp.clip(1 - jnp.abs(field - 0.35) / 0.2, 0, 1)
    tone = jnp.exp(person.strand.contrast * grain - 0.35 * hem)
    inner = jnp.where(side > 0, 1.0, 0.25)
    seen = normal * side[..., None]
    open_sky = inner * (0.55 + 0.35 * jnp.clip(field / 3, 0, 1))
    shines = []
    for i in range(2):  # Kajiya and Kay's highlight across the strands
        half = light.unit(views + lamps.directions[i][None, None])
        lean = (strand * half).sum(-1) + 0.06 * fine[..., 3]
        facing = (seen * lamps.directions[i][None, None]).sum(-1) + 0.2
        shine = jnp.exp(-30.0 * lean**2) * jnp.clip(facing, 0, 1) * (side > 0)
        shines.append(shine * (lit if i == 0 else 0.5))
    tone, cover, lit, open_sky, seen, shines = barrier.barrier(
        (tone, cover, lit * inner, open_sky, seen, shines)
    )
    colour = tone[..., None] * person.colour[None, None]
    colour = colour * light.diffuse(seen, lit, open_sky, lamps)
    for i, shine in enumerate(shines):
        tint = 0.06 + 0.94 * jnp.sqrt(person.colour)  # light that went through strands
        tint = tint * lamps.colours[i] * person.gloss
        colour = colour + shine[..., None] * tint[None, None]
    return colour, cover * thin
