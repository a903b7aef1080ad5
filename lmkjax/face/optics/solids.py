"""What rays hit of spheroids and capsules, in closed form, and how that is lit."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face.optics import barrier, light
from lmkjax.landmarks import points as plane
from lmkjax.types import Scalar, typed

FAR = 1e6
"""Depth of a ray that misses, cm."""


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


def missed(ray: Float[Array, "h w 3"]) -> Hit:
    """Nothing, whichever way one looks."""
    flat = jnp.zeros(ray.shape[:2])
    return Hit(flat + FAR, jnp.zeros_like(ray), flat + 1)


@typed
def lit(
    hit: Hit,
    colour: Float[Array, "*n 3"],
    turn: Float[Array, "3 3"],
    lamps: light.Light,
) -> Float[Array, "h w 3"]:
    """Linear colour of a matt thing.

    Args:
        hit: where, in the head's axes.
        colour: its albedo.
        turn: head's axes to camera's axes.
        lamps: the light.
    """
    normal = barrier.barrier(plane.product(hit.normal, turn.T))
    flat = jnp.ones_like(hit.tone)
    albedo = jnp.broadcast_to(colour, hit.normal.shape) * hit.tone[..., None]
    shadow, sky, wrap = 0.85 * flat, 0.8 * flat, (0.1, 0.1, 0.1)
    return albedo * light.diffuse(normal, shadow, sky, lamps, wrap=wrap)
