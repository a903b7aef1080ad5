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
from lmkjax.types import typed

FAR = 1e6


@struct.dataclass
class Props:
    """What a person wears and holds; lengths in cm in the head's axes.

    Attributes:
        hat: worn (0 or 1), height of the edge over the ears, its rise to the front,
            slack above the head, brim's reach all round, visor's reach in front, bend
            of either (per cm), height of a turned-up edge, ribs (0 woven, 1 knitted).
        hat_colour: linear RGB.
        glasses: worn, half width and half height of a lens, roundness (2 = ellipse),
            thickness of the rim, darkness of the lens, curve of the front.
        glasses_colours: of the rim and of the lens.
        headphones: worn (0 or 1), radius of a cup, half width of the band, its tilt.
        earrings: worn (0 or 1), radius, length as a factor.
        ear_colours: of the headphones and of the earrings.
        limbs: capsules: two ends and a radius; a radius of 0 is none.
        limb_colour: of the capsules.
        limb_skin: 1 = they are a hand, coloured as the face is.
        card: there (0 or 1), centre, half width, half height, turn in radians.
        card_colour: of the card.
        card_text: strength of what is printed on it.
    """

    hat: Float[Array, "*b 9"]
    hat_colour: Float[Array, "*b 3"]
    glasses: Float[Array, "*b 7"]
    glasses_colours: Float[Array, "*b 2 3"]
    headphones: Float[Array, "*b 4"]
    earrings: Float[Array, "*b 3"]
    ear_colours: Float[Array, "*b 2 3"]
    limbs: Float[Array, "*b m 7"]
    limb_colour: Float[Array, "*b 3"]
    limb_skin: Float[Array, "*b"]
    card: Float[Array, "*b 7"]
    card_colour: Float[Array, "*b 3"]
    card_text: Float[Array, "*b"]


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
    origin: Float[Array, " 3"], ray: Float[Array, "h w 3"], limb: Float[Array, " 7"]
) -> Hit:
    """The near side of a capsule: two ends and a radius."""
    first, last, radius = limb[:3], limb[3:6], limb[6]
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

    def meet(hit, limb):
        def draw(hit):
            return nearer(hit, capsule(origin, ray, limb))

        return jax.lax.cond(limb[6] > 0, draw, lambda same: same, hit), None

    hit, _ = jax.lax.scan(meet, _missed(ray), props.limbs)
    there, centre, (wide, high, turn) = props.card[0], props.card[1:4], props.card[4:7]
    depth = (centre[2] - origin[2]) / jnp.minimum(ray[..., 2], -1e-3)
    place = at(origin, ray, depth) - centre[None, None]
    u = place[..., 0] * jnp.cos(turn) + place[..., 1] * jnp.sin(turn)
    v = place[..., 1] * jnp.cos(turn) - place[..., 0] * jnp.sin(turn)
    inside = (jnp.abs(u) < wide) & (jnp.abs(v) < high) & (there > 0)
    inside &= (ray[..., 2] < -1e-3) & (depth > 0)
    print_ = noise.texel(jnp.stack([u / 60, v / 25], -1))[..., 0]
    tone = jnp.exp(props.card_text * 0.5 * print_)
    front = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), ray.shape)
    card = Hit(jnp.where(inside, depth, FAR), front, tone)
    return nearer(hit, card), (card.depth < hit.depth).astype(jnp.float32)


@typed
def torso(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    shoulders: Float[Array, " 4"],
) -> Hit:
    """Shoulders and chest below the neck."""
    wide, drop = shoulders[0], shoulders[1] - 20.5
    chest = spheroid(
        origin,
        ray,
        jnp.stack([0 * drop, drop - 11.0, 0 * drop - 3.5]),
        jnp.stack([wide * 0.95, 0 * drop + 17.0, 0 * drop + 9.5]),
    )
    ends = jnp.stack(
        [
            -wide + 4.5,
            drop + 0.3,
            0 * drop - 3.5,
            wide - 4.5,
            drop + 0.3,
            0 * drop - 3.5,
            0 * drop + 4.4,
        ]
    )
    hit = nearer(chest, capsule(origin, ray, ends))
    for side in (-1.0, 1.0):
        limb = jnp.stack(
            [
                side * (wide - 4.0),
                drop,
                0 * drop - 3.5,
                side * wide,
                drop - 22,
                0 * drop - 3.0,
                0 * drop + 4.6,
            ]
        )
        hit = nearer(hit, capsule(origin, ray, limb))
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
