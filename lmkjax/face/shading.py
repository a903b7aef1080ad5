"""The bare head's pixels: skin, eyes and mouth in their light, and a mask over them."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lmkjax.face.optics import barrier, light, rare, raster
from lmkjax.face.paint import scenery, skin
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import surface as surfaces
from lmkjax.landmarks import points as plane
from lmkjax.types import typed


class _GBuffer(NamedTuple):
    """What light meets in each pixel, as deferred shading keeps it.

    Attributes:
        albedo: linear colour [h, w, 3].
        normal: unit vectors in the camera's axes [h, w, 3].
        lit: share of the first lamp that arrives [h, w], as all below.
        sky: share of the sky that is open.
        furrow: share of the light that comes out of wrinkles.
        oil: strength of the wide highlight.
        wet: of the narrow one.
        rim: of the sky's reflection where the surface turns away.
    """

    albedo: Array
    normal: Array
    lit: Array
    sky: Array
    furrow: Array
    oil: Array
    wet: Array
    rim: Array


@typed
def shade(
    params: sample.FaceParams,
    surface: surfaces.Surface,
    normals: Float[Array, "v 3"],
    shadow: Float[Array, " v"],
    fragments: raster.Fragments,
    views: Float[Array, "h w 3"],
    turn: Float[Array, "3 3"],
) -> tuple[Float[Array, "h w 3"], Int[Array, "h w"]]:
    """Linear colour and class of each pixel of the bare head.

    Args:
        params: whose head.
        surface: its vertices and what they are of.
        normals: theirs, in the camera's axes.
        shadow: share of the first lamp that arrives at each.
        fragments: which triangle each pixel shows.
        views: unit vectors from the pixels to the camera.
        turn: head's axes to camera's axes.

    Returns:
        The colour, and numbers into `picture.CLASSES`.
    """
    carried = jnp.concatenate(
        [
            normals,
            jnp.asarray(surface.atlas),
            jnp.asarray(surface.round)[:, None],
            jnp.stack([jnp.asarray(surface.open_sky), shadow], -1),
        ],
        -1,
    )
    at = barrier.barrier(raster.interpolate(carried, surface.triangles, fragments))
    normal, place = light.unit(at[..., :3]), at[..., 3:6]
    sky, lit = 1 - params.light.occlusion * (1 - at[..., 7]), at[..., 8]
    is_skin, is_eye, is_teeth = _parts(surface, fragments)
    normal, place, sky, lit, is_skin, views = barrier.barrier(
        (normal, place, sky, lit, is_skin, views)
    )
    paint = barrier.barrier(skin.paint(at[..., 3:7], params.skin))
    eye = barrier.barrier(skin.eyes(place, params.skin)[0])
    inner = skin.inside_mouth(place, is_teeth)
    albedo = jnp.where(is_eye[..., None], eye, inner)
    albedo = jnp.where(is_skin[..., None], paint.albedo, albedo)
    dressed, cloth = barrier.barrier(
        (
            scenery.dressed(place, params.scene) * is_skin,
            scenery.cloth(place[..., :2], params.scene),
        )
    )
    albedo = albedo + (cloth - albedo) * dressed[..., None]
    is_mouth = ~is_skin & ~is_eye
    sky = jnp.where(is_eye, 0.45, jnp.where(is_mouth, 0.4, sky))
    furrow = jnp.where(is_skin, jnp.exp(-paint.bump), 1.0)
    oil = jnp.where(is_skin, paint.oil * furrow, 0.0) * (1 - dressed)
    wet = jnp.where(is_skin, paint.wet * 0.08, jnp.where(is_eye, 0.05, 0.04))
    masked = jnp.where(is_skin, paint.mask, 0.0)
    bare = barrier.barrier((albedo, normal, sky, lit, wet, masked))
    bare = rare.when(
        params.skin.mask.worn > 0, _behind_mask, bare, place, ~is_eye, turn, params.skin
    )
    albedo, normal, sky, lit, wet, masked = bare
    normal, views, lit, sky, furrow, albedo = barrier.barrier(
        (normal, views, lit, sky, furrow, albedo)
    )
    rim = jnp.where(is_skin, sky, 0.0)
    buffer = _GBuffer(albedo, normal, lit, sky, furrow, oil, wet, rim)
    colour = _light(buffer, views, params.light)
    kind = jnp.where(is_eye, 3, jnp.where(is_mouth, 5, 1))
    kind = jnp.where(is_skin & (paint.brow > 0.5), 2, kind)
    kind = jnp.where(is_skin & (paint.lips > 0.5), 4, kind)
    kind = jnp.where(masked > 0.5, 10, kind)
    return colour, jnp.where(dressed > 0.5, 7, kind)


def _parts(surface, fragments):
    """Which pixels are skin, eye and teeth; the others are gums or the mouth."""
    eyes, teeth, gums, socket = (
        heads.number(surface.head, name) for name in ("eyes", "teeth", "gums", "socket")
    )
    part = jnp.asarray(surface.part)[fragments.triangle]
    is_eye, is_teeth = part == eyes, part == teeth
    is_mouth = is_teeth | (part == gums) | (part == socket)
    return ~is_eye & ~is_mouth, is_eye, is_teeth


def _light(at: _GBuffer, views, lamps):
    """Linear colour: what comes out of the skin, two highlights and the sky's rim."""
    colour = at.albedo * light.diffuse(at.normal, at.lit, at.sky, lamps, wrap=skin.WRAP)
    colour = colour * at.furrow[..., None]
    facing = jnp.clip((at.normal * views).sum(-1), 0, 1)
    rim = 0.03 * (1 - facing) ** 4 * at.rim
    oil, wet, rim = barrier.barrier((at.oil, at.wet, rim))
    for strength, power in ((oil, 14.0), (wet, 110.0)):
        gloss = light.gloss(at.normal, views, at.lit, lamps, power=power)
        colour = colour + strength[..., None] * gloss
    return colour + rim[..., None] * light.irradiance(at.normal, lamps.environment)


def _behind_mask(bare, place, covers, turn, person):
    """What light meets, a mask's cloth over it that knows of no lips; its cover."""
    albedo, normal, sky, lit, wet, _ = bare
    x, y, z = (place[..., i] for i in range(3))
    masked = skin.cover_mask(place, person) * covers
    away = jnp.stack([x / 52, (y + 2.5) / 110, (z - 2) / 90], -1)
    over_lips = jnp.exp(-(((y + 2.8) / 2.9) ** 4) - (x / 4.2) ** 4)
    flat = masked * jnp.clip(0.5 + over_lips, 0, 1)
    pleat = 1 - 0.22 * jnp.clip(jnp.cos(4.6 * y) - 0.55, 0, 1) * jnp.exp(
        -((x / 5.5) ** 6) - ((y + 4) / 4.0) ** 6
    )
    masked, flat, pleat, away = barrier.barrier((masked, flat, pleat, light.unit(away)))
    cloth = person.mask.colour[None, None] * pleat[..., None]
    albedo = albedo + (cloth - albedo) * masked[..., None]
    normal = light.unit(
        normal + (plane.product(away, turn.T) - normal) * flat[..., None]
    )
    sky = sky + (0.9 - sky) * flat
    lit = lit + (0.8 - lit) * flat * over_lips
    return albedo, normal, sky, lit, wet * (1 - masked), masked
