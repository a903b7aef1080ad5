"""Hats, glasses, hands, things before the face and shoulders: hit by each pixel's ray.

They are spheroids, capsules, planes and curved cards in the head's axes, solved in
closed form; no triangles.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import light, noise, stage
from lmkjax.types import typed

FAR = 1e6


@struct.dataclass
class Props:
    """What a person wears and holds; lengths in cm in the head's axes.

    Attributes:
        hat: worn (0 or 1), height of the edge, its slope, dome's height, brim's reach
            all round, visor's reach in front.
        hat_colour: linear RGB.
        glasses: worn, half width and half height of a lens, roundness (2 = ellipse),
            thickness of the rim, darkness of the lens, curve of the front.
        glasses_colours: of the rim and of the lens.
        limbs: capsules: two ends and a radius; a radius of 0 is none.
        limb_colour: of the capsules.
        limb_skin: 1 = they are a hand, coloured as the face is.
        card: there (0 or 1), centre, half width, half height, turn in radians.
        card_colour: of the card.
        card_text: strength of what is printed on it.
    """

    hat: Float[Array, "*b 6"]
    hat_colour: Float[Array, "*b 3"]
    glasses: Float[Array, "*b 7"]
    glasses_colours: Float[Array, "*b 2 3"]
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


def _at(origin, ray, depth):
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
        way @ start,
        jnp.broadcast_to((start**2).sum() - 1, way.shape[:2]),
    )
    depth = stage.hold(depth)
    normal = (_at(origin, ray, depth) - centre[None, None]) / (radii**2)[None, None]
    return Hit(depth, _unit(normal), jnp.ones_like(depth))


@typed
def capsule(
    origin: Float[Array, " 3"], ray: Float[Array, "h w 3"], limb: Float[Array, " 7"]
) -> Hit:
    """The near side of a capsule: two ends and a radius."""
    first, last, radius = limb[:3], limb[3:6], limb[6]
    axis, gap = last - first, origin - first
    length = jnp.maximum((axis**2).sum(), 1e-6)
    along, start = ray @ axis / length, (gap @ axis) / length
    # Across the axis, the capsule is a circle; beyond its ends, a ball.
    way = ray - along[..., None] * axis[None, None]
    side = gap - start * axis
    c = jnp.broadcast_to((side**2).sum() - radius**2, along.shape)
    depth, _ = _solve((way**2).sum(-1), way @ side, c)
    spot = start + along * depth
    barrel = (spot > 0) & (spot < 1)
    end = jnp.where((spot < 0.5)[..., None], first[None, None], last[None, None])
    ball = origin[None, None] - end
    deep, _ = _solve(
        (ray**2).sum(-1), (ray * ball).sum(-1), (ball**2).sum(-1) - radius**2
    )
    depth = jnp.where(radius > 0, jnp.where(barrel, depth, deep), FAR)
    depth, spot = stage.hold((depth, spot))
    place = _at(origin, ray, depth)
    foot = jnp.clip(spot, 0, 1)[..., None] * axis[None, None] + first[None, None]
    return stage.hold(Hit(depth, _unit(place - foot), jnp.ones_like(depth)))


def _nearer(first, second):
    near = second.depth < first.depth
    nearest = Hit(
        jnp.where(near, second.depth, first.depth),
        jnp.where(near[..., None], second.normal, first.normal),
        jnp.where(near, second.tone, first.tone),
    )
    return stage.hold(nearest)  # or all is solved again and again


def _missed(ray):
    flat = jnp.zeros(ray.shape[:2])
    return Hit(flat + FAR, jnp.zeros_like(ray), flat + 1)


@typed
def hat(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    props: Props,
    skull: Float[Array, " 3"],
) -> Hit:
    """A dome with a brim or a visor.

    Args:
        origin: the camera, in the head's axes.
        ray: one direction per pixel.
        props: whose hat.
        skull: half width, middle z and half depth of the head where the hat sits.
    """
    worn, edge, slope, tall, brim, visor = (props.hat[i] for i in range(6))
    radii = jnp.stack([skull[0], tall, skull[2]])
    centre = jnp.stack([jnp.zeros(()), edge - 1.5, skull[1]])
    dome = spheroid(origin, ray, centre, radii)
    place = _at(origin, ray, dome.depth)
    above = place[..., 1] - edge - slope * place[..., 2]
    knit = noise.texel(
        jnp.stack([jnp.arctan2(place[..., 0], place[..., 2]), place[..., 1] / 9], -1)
    )
    tone = jnp.exp(0.15 * knit[..., 3]) * jnp.where(above < 1.3, 0.75, 1.0)
    dome = Hit(jnp.where((above > 0), dome.depth, FAR), dome.normal, tone)

    fall = ray[..., 1] - slope * ray[..., 2]
    start = origin[1] - slope * origin[2] - edge
    depth = -start / jnp.where(jnp.abs(fall) > 1e-4, fall, 1e-4)
    place = _at(origin, ray, jnp.clip(depth, 0, 2000))
    far = jnp.hypot(
        place[..., 0] / (radii[0] + brim),
        (place[..., 2] - skull[1]) / (radii[2] + brim),
    )
    round_ = (far < 1) & (brim > 0)
    peak = jnp.hypot(
        place[..., 0] / (radii[0] * 0.85),
        (place[..., 2] - skull[1] - radii[2] * 0.6) / (radii[2] * 0.4 + visor),
    )
    peak = (peak < 1) & (visor > 0) & (place[..., 2] > skull[1])
    hit = (round_ | peak) & (depth > 0)
    up = jnp.where(start > 0, 1.0, -1.0)
    normal = jnp.broadcast_to(jnp.stack([0 * up, up, -slope * up]), ray.shape)
    flat = Hit(
        jnp.where(hit, depth, FAR),
        _unit(normal),
        jnp.where(up > 0, 1.0, 0.6) * jnp.ones_like(depth),
    )
    both = _nearer(dome, flat)
    return both.replace(depth=jnp.where(worn > 0, both.depth, FAR))


@typed
def glasses(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    props: Props,
    bridge: Float[Array, " 3"],
) -> tuple[Float[Array, "h w"], Float[Array, "h w"], Float[Array, "h w"]]:
    """Depth of glasses, and how far rim and lens cover each pixel.

    Args:
        origin: the camera, in the head's axes.
        ray: one direction per pixel.
        props: whose glasses.
        bridge: where they sit on the nose.
    """
    worn, wide, high, power, rim, dark, curve = (props.glasses[i] for i in range(7))
    level = bridge[2]
    depth = (level - origin[2]) / jnp.minimum(ray[..., 2], -1e-3)
    for _ in range(3):  # the front bends back at the sides
        x = origin[0] + ray[..., 0] * depth
        depth = (level - curve * x**2 - origin[2]) / jnp.minimum(ray[..., 2], -1e-3)
    x, y = origin[0] + ray[..., 0] * depth, origin[1] + ray[..., 1] * depth - bridge[1]
    aside = jnp.abs(x)
    u, v = jnp.abs(aside - 0.55 - wide) / wide, jnp.abs(y + 0.12 * aside * 0) / high
    far = (u**power + v**power + 1e-6) ** (1 / power)
    gap = (far - 1) * jnp.minimum(wide, high)
    frame = _ramp((rim - jnp.abs(gap)) / 0.08 + 0.5)
    nose = _ramp((rim * 0.9 - jnp.abs(y - 0.35 * high)) / 0.08 + 0.5) * (aside < 0.6)
    frame = jnp.maximum(frame, nose)
    lens = _ramp(-gap / 0.08 + 0.5) * (0.06 + 0.92 * dark)
    near = (ray[..., 2] < -1e-3) & (depth > 0)
    end = 2 * wide + 0.55
    for side in (-1.0, 1.0):
        front = jnp.stack([side * end, bridge[1] + 0.3 * high, level - curve * end**2])
        back = jnp.stack([side * 8.6, bridge[1] + 0.4, jnp.asarray(0.5)])
        bow = capsule(
            origin,
            ray,
            jnp.concatenate([front, back, jnp.maximum(rim, 0.12)[None] * 0.9]),
        )
        nearer = (bow.depth < FAR / 2) & (frame < 0.5)
        depth = jnp.where(nearer, bow.depth, depth)
        frame = jnp.where(nearer, 1.0, frame)
        near = near | nearer
    shown = worn * near
    return depth, frame * shown, lens * shown * (1 - frame)


@typed
def held(
    origin: Float[Array, " 3"], ray: Float[Array, "h w 3"], props: Props
) -> tuple[Hit, Float[Array, "h w"]]:
    """Limbs and card before the face, and where it is the card."""
    hit = _missed(ray)
    for i in range(props.limbs.shape[0]):
        hit = _nearer(hit, capsule(origin, ray, props.limbs[i]))
    there, centre, (wide, high, turn) = props.card[0], props.card[1:4], props.card[4:7]
    depth = (centre[2] - origin[2]) / jnp.minimum(ray[..., 2], -1e-3)
    place = _at(origin, ray, depth) - centre[None, None]
    u = place[..., 0] * jnp.cos(turn) + place[..., 1] * jnp.sin(turn)
    v = place[..., 1] * jnp.cos(turn) - place[..., 0] * jnp.sin(turn)
    inside = (jnp.abs(u) < wide) & (jnp.abs(v) < high) & (there > 0)
    inside &= (ray[..., 2] < -1e-3) & (depth > 0)
    print_ = noise.texel(jnp.stack([u / 60, v / 25], -1))[..., 0]
    tone = jnp.exp(props.card_text * 0.5 * print_)
    front = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), ray.shape)
    card = Hit(jnp.where(inside, depth, FAR), front, tone)
    return _nearer(hit, card), (card.depth < hit.depth).astype(jnp.float32)


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
    hit = _nearer(chest, capsule(origin, ray, ends))
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
        hit = _nearer(hit, capsule(origin, ray, limb))
    return hit


def _ramp(x):
    x = jnp.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)


def _unit(vector):
    return vector * jax.lax.rsqrt((vector**2).sum(-1, keepdims=True) + 1e-9)


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
    normal = stage.hold(hit.normal @ turn.T)
    flat = jnp.ones_like(hit.tone)
    albedo = jnp.broadcast_to(colour, hit.normal.shape) * hit.tone[..., None]
    return albedo * light.diffuse(normal, 0.85 * flat, 0.8 * flat, lamps, wrap=wrap)
