"""Colour of skin, lips, brows, lashes, eyes, teeth and beard at a place on the head.

Places are those of the mean head without expression, so that paint moves with the
face. What paint needs to know of a place (how far is the lip's edge, where along the
brow is it, ...) stands in maps over the mean head's right half, seen from the front.
"""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from lmkjax.face.optics import barrier, blend, noise, rare
from lmkjax.face.paint import chart, traits
from lmkjax.face.shape import head as heads
from lmkjax.types import typed

WRAP = (0.32, 0.14, 0.08)
"""How far light creeps round under skin, per channel."""
TEETH, GUMS, TONGUE = (0.70, 0.62, 0.50), (0.42, 0.15, 0.14), (0.34, 0.085, 0.075)
LASH_CM = 0.32
"""How far the longest upper lashes are seen over the lid."""
SURFACE = 0.012
"""Share of the light that skin sends back before it enters."""


@struct.dataclass
class Paint:
    """What light meets at each place.

    Attributes:
        albedo: linear RGB.
        oil: strength of the broad highlight.
        wet: strength of the sharp highlight (eyes, lips, teeth).
        bump: depth of furrows, 0 to 1; darkens and dulls.
        brow: cover by brow hair.
        lips: 1 inside the lips.
        mask: cover by a face mask.
    """

    albedo: Float[Array, "*n 3"]
    oil: Float[Array, "*n"]
    wet: Float[Array, "*n"]
    bump: Float[Array, "*n"]
    brow: Float[Array, "*n"]
    lips: Float[Array, "*n"]
    mask: Float[Array, "*n"]


def _planes(array):
    return barrier.barrier([array[..., i] for i in range(array.shape[-1])])


def _rgb(place, *values):
    return jnp.broadcast_to(jnp.stack([jnp.asarray(v) for v in values]), (*place, 3))


@typed
def pigment(
    melanin: Float[Array, "*n"], blood: Float[Array, "*n"]
) -> Float[Array, "*n 3"]:
    """Skin's albedo: pale tissue seen through melanin and blood (Beer and Lambert).

    What the surface itself sends back is white: without it, dark skin would be orange.
    """
    channels = [
        SURFACE + base * jnp.exp(-melanin * m - blood * b)
        for base, m, b in (
            (0.82, 1.0, 0.12),
            (0.70, 1.12, 1.0),
            (0.61, 1.45, 0.85),
        )
    ]
    return jnp.stack(channels, -1)


@typed
def paint(place: Float[Array, "*n 4"], person: traits.Skin) -> Paint:
    """The skin of a person (parts face and head).

    Args:
        place: on the mean head, cm, and the way round the head, cm.
        person: whose skin.
    """
    n = place.shape[:-1]
    # Planes, apart: a processor works on neighbours, not on every fourth number.
    x, y, z, way = _planes(place)
    front = blend.smoothstep((z - 1.5) / 1.5)
    lips_cm, along, across, lid, crow, fold, beard, moustache = _planes(
        chart.look_up(place[..., :3])
    )
    flat = jnp.stack([way, y], -1)
    flat = flat + jnp.broadcast_to(person.offset, (*n, 2)) * 300
    broad, fine = _planes(noise.sample(flat / 45)), _planes(noise.sample(flat / 14))
    grain = _planes(noise.texel(flat / 7.1))

    nose = jnp.exp(-((x / 1.5) ** 2) - ((y - 0.2) / 1.3) ** 2) * front
    lips = (
        blend.smoothstep((lips_cm - person.lips.edge_cm) / 0.14 + 0.5 + 0.25 * fine[0])
        * front
    )
    blood = _blood(x, y, front, nose, broad, fine, person)
    blood = blood + lips * person.lips.blood
    melanin = _melanin(x, y, front, broad, fine, person)
    melanin = melanin + lips * person.lips.dark + front * _moles(x, y, person)
    covered = (
        person.shadow.cover * blend.smoothstep(1.3 - jnp.abs(lid - 0.35) / 0.75) * front
    )
    strand = _strand(along, across, person)
    hair, bristle = _beard_hair(beard, moustache, fine, grain, person)
    hair = hair * front * (1 - lips)
    brow = _brow(along, across, strand, fine, person) * front
    line = _lid_lines(x, lid, fine, person.liner)
    furrow = person.age * (fold + 0.7 * crow) * front
    furrow = furrow * (1 + 0.4 * fine[0]) + 0.10 * person.mottle.texture * fine[3]
    mask = rare.when(
        person.mask.worn > 0,
        lambda _, place, person: cover_mask(place, person),
        jnp.zeros(n),
        place,
        person,
    )
    # Colours have three channels: without this each would work all that out anew.
    melanin, blood, lips, covered, hair, bristle, brow, line, furrow, mask, nose = (
        barrier.barrier(
            (melanin, blood, lips, covered, hair, bristle, brow, line, furrow)
            + (mask, nose)
        )
    )
    albedo = pigment(jnp.maximum(melanin, 0.02), blood) * _rgb(n, *person.tint)
    albedo = blend.mix(albedo, person.shadow.colour, covered)
    albedo = blend.mix(albedo, person.lipstick.colour, lips * person.lipstick.cover)
    albedo = _blend_hair(albedo, person.beard_colour, bristle, hair)
    albedo = _blend_hair(albedo, person.brow.colour, 1 + 0.3 * strand[3], brow)
    return Paint(
        albedo=albedo * (1 - line * front)[..., None],
        oil=person.oil * (1 + 0.8 * nose + 0.25 * fine[1]) * (1 - hair) * (1 - mask),
        wet=lips * (0.15 + 0.5 * person.lipstick.cover) * (1 - mask),
        bump=furrow * (1 - mask),
        brow=brow,
        lips=lips * (1 - mask),
        mask=mask,
    )


def _blood(x, y, front, nose, broad, fine, person):
    """Blood under the skin: more in cheeks, nose and ears; blotches."""
    cheeks = jnp.exp(-(((jnp.abs(x) - 4.6) / 1.9) ** 2) - ((y + 0.2) / 2.0) ** 2)
    ears = blend.smoothstep((jnp.abs(x) - 8.3) / 0.6) * blend.smoothstep((y + 4) / 2)
    blood = person.blood * (1 + 0.7 * cheeks * front + 0.8 * nose + 0.6 * ears)
    blotches = 0.3 * broad[0] + 0.15 * fine[1]
    return blood * jnp.exp(person.mottle.redness * blotches)


def _strand(along, across, person):
    """Noise drawn out along a brow's hairs."""
    place = jnp.stack(
        [along * 0.55 + across * 0.15, across * 0.05 - along * 0.02], -1
    ) + jnp.broadcast_to(person.offset, (*along.shape, 2))
    return _planes(noise.texel(place))


def _melanin(x, y, front, broad, fine, person):
    """Pigment of the bare skin: blotches, the eyes' surroundings, freckles."""
    sockets = (
        jnp.exp(-(((jnp.abs(x) - 3.0) / 1.8) ** 2) - ((y - 2.6) / 1.1) ** 2) * front
    )
    spots, pale = person.mottle, 1 / (1 + person.melanin)
    melanin = person.melanin + spots.pigment * (0.10 * broad[1] + 0.05 * fine[0])
    melanin = melanin + 0.1 * sockets * (0.5 + person.melanin)
    freckled = blend.smoothstep(fine[3] - 1.2)
    level = blend.smoothstep(1.3 - jnp.abs(y) / 7)
    return melanin + pale * spots.freckles * freckled * level


def _lid_lines(x, lid, fine, liner):
    """How dark the lids' edges are: lines and lashes."""
    line = blend.smoothstep(1.5 - jnp.abs(lid - 0.06) / 0.1) * liner.upper
    # Upper lashes: strands that fan out from the middle of the eye.
    fan = (jnp.abs(x) - 2.9) * (4.8 - 4.5 * lid) + 0.3 * fine[0]
    fan = 4 * jnp.abs(fan - jnp.floor(fan) - 0.5) - 1
    reach = LASH_CM * liner.upper * (0.75 + 0.25 * fan + 0.2 * fine[1])
    there = blend.smoothstep((reach - lid) / 0.12 + 0.5) * (lid > 0)
    lash = there * blend.smoothstep(0.6 + 0.7 * fan)
    lower = blend.smoothstep(1.1 - jnp.abs(lid - 10.02) / 0.09) * liner.lower
    return jnp.maximum(jnp.maximum(line, lash * liner.upper), lower)


def _moles(x, y, person):
    """Melanin of small dark spots with soft edges."""
    total = jnp.zeros_like(x)
    moles = person.moles
    for (across, up), radius in zip(moles.place, moles.radius_cm, strict=True):
        far = ((x - across) ** 2 + (y - up) ** 2) / jnp.maximum(radius, 1e-3) ** 2
        total += 1.3 * (radius > 0) * jnp.clip(1.6 - far, 0, 1)
    return total


def _beard_hair(beard, moustache, fine, grain, person):
    """Cover by the hair of beard and moustache, and its shade."""
    stubble = blend.smoothstep(0.5 + 0.35 * grain[3] + 0.25 * fine[0])
    chin = person.beard.chin * blend.smoothstep(beard * 1.6 - 0.3 + 0.3 * fine[1])
    lip = person.beard.moustache * blend.smoothstep(
        moustache * 1.5 - 0.25 + 0.2 * fine[0]
    )
    rough = person.beard.stubble
    cover = rough * stubble + (1 - rough) * (0.75 + 0.25 * stubble)
    shade = jnp.exp(0.4 * person.beard.contrast * grain[3])
    return jnp.maximum(chin, lip) * cover, shade


def _blend_hair(albedo, colour, bristle, cover):
    strands = jnp.broadcast_to(colour, albedo.shape) * bristle[..., None]
    return blend.mix(albedo, strands, cover)


def _brow(along, across, strand, fine, person):
    """Cover by brow hair: strands inside a tapering band."""
    half = person.brow.thickness * (0.46 - 0.40 * jnp.clip(along, 0.0, 1.05) ** 2)
    level = jnp.abs(across - person.brow.lift_cm + 0.1) / jnp.maximum(half, 0.03)
    ends = blend.smoothstep((along + 0.06) * 8) * blend.smoothstep((1.2 - along) * 6)
    body = blend.smoothstep(1.55 - level + 0.2 * strand[3] + 0.15 * fine[0])
    return person.brow.cover * ends * body * (0.8 + 0.2 * jnp.tanh(strand[3]))


@typed
def cover_mask(place: Float[Array, "*n m"], person: traits.Skin) -> Float[Array, "*n"]:
    """Cover by a face mask: nose bridge to below the chin, and its bands."""
    x, y, z = jnp.abs(place[..., 0]), place[..., 1], place[..., 2]
    top = person.mask.edge_cm - 0.02 * x**2 - 0.5 * blend.smoothstep((x - 1.0) / 2.5)
    edge = (
        blend.smoothstep((top - y) / 0.15)
        * blend.smoothstep((y + 9.2) / 0.15)
        * blend.smoothstep((6.9 - x) / 0.15)
    )
    edge = edge * blend.smoothstep((z - 1.5) / 0.3)
    back = 4.0 - z
    bands = jnp.minimum(jnp.abs(y - top + 0.6 - back * 0.6), jnp.abs(y + 5.0 - back))
    bands = (
        blend.smoothstep(1.5 - bands / 0.13)
        * blend.smoothstep((x - 6.8) * 6)
        * blend.smoothstep((4.4 - back) * 6)
    )
    edge = jnp.maximum(edge, bands)
    return person.mask.worn * edge


@typed
def eyes(
    place: Float[Array, "*n 3"], person: traits.Skin
) -> tuple[Float[Array, "*n 3"], Float[Array, "*n"]]:
    """Colour of the eyeballs, and where the pupil is, at places of the mean head."""
    head = heads.load()
    n = place.shape[:-1]
    centre = jnp.asarray(head.neutral[head.eye_centres[1]])
    offset = jnp.stack([jnp.abs(place[..., 0]), place[..., 1], place[..., 2]], -1)
    offset = offset - jnp.broadcast_to(centre, (*n, 3))
    radius = jnp.hypot(offset[..., 0], offset[..., 1])
    way = offset[..., :2] / (radius + 1e-3)[..., None]
    fibre = noise.texel(way * 0.1 + radius[..., None] * 0.01)[..., 3]
    white = person.eye.white * _rgb(
        n, 0.80, 0.74 - 0.25 * person.eye.redness, 0.70 - 0.3 * person.eye.redness
    )
    white = white * (1 - 0.35 * blend.smoothstep((radius - 0.7) / 0.9))[..., None]
    iris = (
        _rgb(n, *person.iris)
        * jnp.exp(0.35 * fibre - 0.2 + 0.5 * blend.smoothstep((0.4 - radius) / 0.3))[
            ..., None
        ]
    )
    iris = iris * (1 - 0.75 * blend.smoothstep((radius - 0.43) / 0.12))[..., None]
    front = blend.smoothstep(offset[..., 2] * 5)
    albedo = blend.mix(white, iris, blend.smoothstep((0.57 - radius) / 0.06) * front)
    pupil = blend.smoothstep((person.eye.pupil_cm - radius) / 0.05) * front
    # The upper lid and its lashes shade the eyeball.
    shade = 1 - 0.6 * blend.smoothstep((offset[..., 1] + 0.15) / 0.7)
    return blend.mix(albedo, jnp.full(3, 0.004), pupil) * shade[..., None], pupil


@typed
def inside_mouth(
    place: Float[Array, "*n 3"], teeth: Bool[Array, "*n"]
) -> Float[Array, "*n 3"]:
    """Colour of teeth, or of gums and tongue, darker towards the throat."""
    x, y, z = (place[..., i] for i in range(3))
    deep = 0.04 + 0.96 * blend.smoothstep((z - 3.5) / 6.5) ** 2
    tongue = (x / 2.6) ** 2 + ((y + 3.6) / 1.2) ** 2 + ((z - 6.2) / 3.4) ** 2 < 1
    n = place.shape[:-1]
    soft = jnp.where(tongue[..., None], _rgb(n, *TONGUE), _rgb(n, *GUMS))
    colour = jnp.where(teeth[..., None], _rgb(n, *TEETH), soft)
    return colour * deep[..., None]
