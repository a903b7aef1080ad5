"""What a person wears and holds; and what rays hit of hands, cards and shoulders.

They are spheroids, capsules and planes in the head's axes; no triangles.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import noise, solids
from lmkjax.types import Scalar, typed


@struct.dataclass
class Hat:
    """A hat, a cap.

    Attributes:
        worn: 0 or 1.
        edge_cm: height of its edge over the ears.
        rise: of the edge to the front, cm per cm.
        slack_cm: room above the head.
        brim_cm: reach of a brim, all round.
        visor_cm: reach of a visor, in front.
        bend: of either, per cm.
        fold_cm: height of a turned-up edge.
        ribs: 0 woven, 1 knitted.
        colour: linear RGB.
    """

    worn: Float[Array, "*b"]
    edge_cm: Float[Array, "*b"]
    rise: Float[Array, "*b"]
    slack_cm: Float[Array, "*b"]
    brim_cm: Float[Array, "*b"]
    visor_cm: Float[Array, "*b"]
    bend: Float[Array, "*b"]
    fold_cm: Float[Array, "*b"]
    ribs: Float[Array, "*b"]
    colour: Float[Array, "*b 3"]


@struct.dataclass
class Glasses:
    """A pair of glasses.

    Attributes:
        worn: 0 or 1.
        half_width_cm: of a lens.
        half_height_cm: of a lens.
        roundness: of a lens, 2 = ellipse; the higher, the squarer.
        rim_cm: half the rim's thickness.
        dark: how dark the lens is, 0 to 1.
        curve: of the front, per cm.
        rim_colour: linear RGB.
        lens_colour: linear RGB.
    """

    worn: Float[Array, "*b"]
    half_width_cm: Float[Array, "*b"]
    half_height_cm: Float[Array, "*b"]
    roundness: Float[Array, "*b"]
    rim_cm: Float[Array, "*b"]
    dark: Float[Array, "*b"]
    curve: Float[Array, "*b"]
    rim_colour: Float[Array, "*b 3"]
    lens_colour: Float[Array, "*b 3"]


@struct.dataclass
class Headphones:
    """Two cups and a band.

    Attributes:
        worn: 0 or 1.
        cup_cm: radius of a cup.
        band_cm: half the band's width.
        tilt: of the band, cm backwards per cm up.
        colour: linear RGB.
    """

    worn: Float[Array, "*b"]
    cup_cm: Float[Array, "*b"]
    band_cm: Float[Array, "*b"]
    tilt: Float[Array, "*b"]
    colour: Float[Array, "*b 3"]


@struct.dataclass
class Earrings:
    """A pair of earrings.

    Attributes:
        worn: 0 or 1.
        radius_cm: of each.
        length: 1 = a ball, more = a drop.
        colour: linear RGB.
    """

    worn: Float[Array, "*b"]
    radius_cm: Float[Array, "*b"]
    length: Float[Array, "*b"]
    colour: Float[Array, "*b 3"]


@struct.dataclass
class Capsules:
    """Rounded rods: a hand's, or those of a thing with a handle; m is their number.

    Attributes:
        start: one end, cm in the head's axes.
        end: the other.
        radius_cm: 0 = none.
    """

    start: Float[Array, "*b m 3"]
    end: Float[Array, "*b m 3"]
    radius_cm: Float[Array, "*b m"]


@struct.dataclass
class Card:
    """A flat thing before the face: a book, a telephone.

    Attributes:
        there: 0 or 1.
        centre: cm in the head's axes.
        half_width_cm: of it.
        half_height_cm: of it.
        turn_rad: in its plane.
        colour: linear RGB.
        text: strength of what is printed on it.
    """

    there: Float[Array, "*b"]
    centre: Float[Array, "*b 3"]
    half_width_cm: Float[Array, "*b"]
    half_height_cm: Float[Array, "*b"]
    turn_rad: Float[Array, "*b"]
    colour: Float[Array, "*b 3"]
    text: Float[Array, "*b"]


@struct.dataclass
class Props:
    """What a person wears and holds; all is drawn, little of it worn.

    Attributes:
        hat: or a cap.
        glasses: clear or dark.
        headphones: over the ears.
        earrings: at the lobes.
        limbs: a hand, or a thing with a handle.
        limb_colour: of the thing, linear RGB.
        limb_skin: 1 = they are a hand, coloured as the face is.
        card: a flat thing.
    """

    hat: Hat
    glasses: Glasses
    headphones: Headphones
    earrings: Earrings
    limbs: Capsules
    limb_colour: Float[Array, "*b 3"]
    limb_skin: Float[Array, "*b"]
    card: Card


@typed
def held(
    origin: Float[Array, " 3"], ray: Float[Array, "h w 3"], props: Props
) -> tuple[solids.Hit, Float[Array, "h w"]]:
    """Limbs and card before the face, and where it is the card."""
    limbs = props.limbs
    number = jnp.arange(1, limbs.radius_cm.shape[0] + 1)
    count = jnp.where(limbs.radius_cm > 0, number, 0).max()

    def meet(i, hit):
        limb = jax.tree.map(lambda x: x[i], limbs)
        return solids.nearer(
            hit, solids.capsule(origin, ray, limb.start, limb.end, limb.radius_cm)
        )

    # A thing has few: of many faces together no more are met than one of them has.
    hit = jax.lax.fori_loop(0, count, meet, solids.missed(ray))
    own = props.card
    depth = (own.centre[2] - origin[2]) / jnp.minimum(ray[..., 2], -1e-3)
    place = solids.at(origin, ray, depth) - own.centre[None, None]
    cos, sin = jnp.cos(own.turn_rad), jnp.sin(own.turn_rad)
    u = place[..., 0] * cos + place[..., 1] * sin
    v = place[..., 1] * cos - place[..., 0] * sin
    inside = (jnp.abs(u) < own.half_width_cm) & (jnp.abs(v) < own.half_height_cm)
    inside &= own.there > 0
    inside &= (ray[..., 2] < -1e-3) & (depth > 0)
    print_ = noise.texel(jnp.stack([u / 60, v / 25], -1))[..., 0]
    tone = jnp.exp(own.text * 0.5 * print_)
    front = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), ray.shape)
    card = solids.Hit(jnp.where(inside, depth, solids.FAR), front, tone)
    return solids.nearer(hit, card), (card.depth < hit.depth).astype(jnp.float32)


@typed
def torso(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    half_width_cm: Scalar,
    height_cm: Scalar,
) -> solids.Hit:
    """Shoulders and chest below the neck, as wide and as high as that."""
    wide, drop = half_width_cm, height_cm - 20.5
    zero = 0 * drop
    chest = solids.spheroid(
        origin,
        ray,
        jnp.stack([zero, drop - 11.0, zero - 3.5]),
        jnp.stack([wide * 0.95, zero + 17.0, zero + 9.5]),
    )
    ends = (
        jnp.stack([side * (wide - 4.5), drop + 0.3, zero - 3.5]) for side in (-1.0, 1.0)
    )
    hit = solids.nearer(chest, solids.capsule(origin, ray, *ends, zero + 4.4))
    for side in (-1.0, 1.0):
        top = jnp.stack([side * (wide - 4.0), drop, zero - 3.5])
        low = jnp.stack([side * wide, drop - 22, zero - 3.0])
        hit = solids.nearer(hit, solids.capsule(origin, ray, top, low, zero + 4.6))
    return hit
