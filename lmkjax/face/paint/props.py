"""Hands, things before the face and shoulders: what each pixel's ray hits of them.

They are spheroids, capsules, planes and curved cards in the head's axes, solved in
closed form; no triangles.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import barrier, light, noise
from lmkjax.landmarks import points as plane
from lmkjax.types import Scalar, typed

FAR = 1e6


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


@struct.dataclass
class Hit:
    """Where rays meet a thing.

    Attributes:
        depth: along the ray; `FAR` where they miss.
        normal: of the surface, towards the camera's side.
        tone: factor on the thing's colour.
    """

    depth: Float[Array, "h w"]
    normal: Float[Array, "h w 3"]
    tone: Float[Array, "h w"]


def at(origin: jax.Array, ray: jax.Array, depth: jax.Array) -> jax.Array:
    """The places at these depths along rays from the origin."""
    return origin[None, None] + ray * depth[..., None]


def _solve(a, b, c):
    """The nearer root of a t^2 + 2 b t + c, and whether there is one."""
    room = b * b - a * c
    hit = (room > 0) & (a > 1e-12)
    root = jnp.sqrt(jnp.where(hit, room, 1.0))
    return jnp.where(hit, (-b - root) / jnp.where(hit, a, 1.0), FAR), hit


@typed
def spheroid(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    centre: Float[Array, " 3"],
    radii: Float[Array, " 3"],
) -> Hit:
    """The near side of a spheroid."""
    start = (origin - centre) / radii
    way = ray / radii[None, None]
    depth, _ = _solve(
        (way**2).sum(-1),
        plane.product(way, start),
        jnp.broadcast_to((start**2).sum() - 1, way.shape[:2]),
    )
    depth = barrier.barrier(depth)
    normal = (at(origin, ray, depth) - centre[None, None]) / (radii**2)[None, None]
    return Hit(depth, light.unit(normal), jnp.ones_like(depth))


@typed
def capsule(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    first: Float[Array, " 3"],
    last: Float[Array, " 3"],
    radius: Scalar,
) -> Hit:
    """The near side of a capsule: two ends and a radius."""
    axis, gap = last - first, origin - first
    length = jnp.maximum((axis**2).sum(), 1e-6)
    along, start = plane.product(ray, axis) / length, (gap * axis).sum() / length
    # Across the axis, the capsule is a circle; beyond its ends, a ball.
    way = ray - along[..., None] * axis[None, None]
    side = gap - start * axis
    c = jnp.broadcast_to((side**2).sum() - radius**2, along.shape)
    depth, _ = _solve((way**2).sum(-1), plane.product(way, side), c)
    spot = start + along * depth
    barrel = (spot > 0) & (spot < 1)
    end = jnp.where((spot < 0.5)[..., None], first[None, None], last[None, None])
    ball = origin[None, None] - end
    deep, _ = _solve(
        (ray**2).sum(-1), (ray * ball).sum(-1), (ball**2).sum(-1) - radius**2
    )
    depth = jnp.where(radius > 0, jnp.where(barrel, depth, deep), FAR)
    depth, spot = barrier.barrier((depth, spot))
    place = at(origin, ray, depth)
    foot = jnp.clip(spot, 0, 1)[..., None] * axis[None, None] + first[None, None]
    return barrier.barrier(Hit(depth, light.unit(place - foot), jnp.ones_like(depth)))


def nearer(first: Hit, second: Hit) -> Hit:
    """Whichever of two is met first, pixel by pixel."""
    near = second.depth < first.depth
    nearest = Hit(
        jnp.where(near, second.depth, first.depth),
        jnp.where(near[..., None], second.normal, first.normal),
        jnp.where(near, second.tone, first.tone),
    )
    return barrier.barrier(nearest)  # or all is solved again and again


def _missed(ray):
    flat = jnp.zeros(ray.shape[:2])
    return Hit(flat + FAR, jnp.zeros_like(ray), flat + 1)


@typed
def held(
    origin: Float[Array, " 3"], ray: Float[Array, "h w 3"], props: Props
) -> tuple[Hit, Float[Array, "h w"]]:
    """Limbs and card before the face, and where it is the card."""
    limbs = props.limbs
    number = jnp.arange(1, limbs.radius_cm.shape[0] + 1)
    count = jnp.where(limbs.radius_cm > 0, number, 0).max()

    def meet(i, hit):
        limb = jax.tree.map(lambda x: x[i], limbs)
        return nearer(hit, capsule(origin, ray, limb.start, limb.end, limb.radius_cm))

    # A thing has few: of many faces together no more are met than one of them has.
    hit = jax.lax.fori_loop(0, count, meet, _missed(ray))
    own = props.card
    depth = (own.centre[2] - origin[2]) / jnp.minimum(ray[..., 2], -1e-3)
    place = at(origin, ray, depth) - own.centre[None, None]
    cos, sin = jnp.cos(own.turn_rad), jnp.sin(own.turn_rad)
    u = place[..., 0] * cos + place[..., 1] * sin
    v = place[..., 1] * cos - place[..., 0] * sin
    inside = (jnp.abs(u) < own.half_width_cm) & (jnp.abs(v) < own.half_height_cm)
    inside &= own.there > 0
    inside &= (ray[..., 2] < -1e-3) & (depth > 0)
    print_ = noise.texel(jnp.stack([u / 60, v / 25], -1))[..., 0]
    tone = jnp.exp(own.text * 0.5 * print_)
    front = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), ray.shape)
    card = Hit(jnp.where(inside, depth, FAR), front, tone)
    return nearer(hit, card), (card.depth < hit.depth).astype(jnp.float32)


@typed
def torso(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    half_width_cm: Scalar,
    height_cm: Scalar,
) -> Hit:
    """Shoulders and chest below the neck, as wide and as high as that."""
    wide, drop = half_width_cm, height_cm - 20.5
    zero = 0 * drop
    chest = spheroid(
        origin,
        ray,
        jnp.stack([zero, drop - 11.0, zero - 3.5]),
        jnp.stack([wide * 0.95, zero + 17.0, zero + 9.5]),
    )
    ends = (
        jnp.stack([side * (wide - 4.5), drop + 0.3, zero - 3.5]) for side in (-1.0, 1.0)
    )
    hit = nearer(chest, capsule(origin, ray, *ends, zero + 4.4))
    for side in (-1.0, 1.0):
        top = jnp.stack([side * (wide - 4.0), drop, zero - 3.5])
        low = jnp.stack([side * wide, drop - 22, zero - 3.0])
        hit = nearer(hit, capsule(origin, ray, top, low, zero + 4.6))
    return hit


@typed
def lit(
    hit: Hit,
    colour: Float[Array, "*n 3"],
    turn: Float[Array, "3 3"],
    lamps: light.Light,
    *,
    wrap: tuple[float, float, float] = (0.1, 0.1, 0.1),
) -> Float[Array, "h w 3"]:
    """Linear colour of a matt thing.

    Args:
        hit: where, in the head's axes.
        colour: its albedo.
        turn: head's axes to camera's axes.
        lamps: the light.
        wrap: as for `light.diffuse`.
    """
    normal = barrier.barrier(plane.product(hit.normal, turn.T))
    flat = jnp.ones_like(hit.tone)
    albedo = jnp.broadcast_to(colour, hit.normal.shape) * hit.tone[..., None]
    return albedo * light.diffuse(normal, 0.85 * flat, 0.8 * flat, lamps, wrap=wrap)
