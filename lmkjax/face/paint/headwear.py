"""Hats and glasses: what each pixel's ray hits of them, in the head's axes."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lmkjax.face.optics import barrier, blend, light, noise, solids
from lmkjax.face.paint import props
from lmkjax.landmarks import points as plane
from lmkjax.types import Scalar, typed

GAP_CM = 0.45
"""Between the head and a hat: flattened hair, and the hat's own thickness."""
FOLD_CM = 0.4
"""How far a turned-up edge stands off."""
DROOP = 0.42
"""How much steeper than the hat's edge a visor falls."""


@typed
def fit(
    head: Float[Array, "v 3"],
    skull: Bool[Array, " v"],
    *,
    edge_cm: Scalar | float,
    rise: Scalar | float,
    slack_cm: Scalar | float,
) -> tuple[Float[Array, " 3"], Float[Array, " 3"]]:
    """Centre and radii of the smallest dome over what of a head is under a hat.

    Args:
        head: places in the head's axes, cm.
        skull: which of them a hat goes over; the ears stay outside.
        edge_cm: as in `props.Hat`.
        rise: likewise.
        slack_cm: likewise.
    """
    under = skull & (head[:, 1] > edge_cm + rise * head[:, 2])

    def most(values):
        return jnp.where(under, values, -jnp.inf).max()

    back, front = -most(-head[:, 2]), most(head[:, 2])
    level = edge_cm + rise * (back + front) / 2
    centre = jnp.stack([0 * level, level - 0.5, (back + front) / 2])
    away = head - centre[None]
    reach = jnp.stack([most(jnp.abs(away[:, 0])), most(away[:, 1]), (front - back) / 2])
    reach = jnp.where(under.any(), jnp.maximum(reach, 1.0), 9.0)
    far = jnp.sqrt(jnp.maximum(most(((away / reach[None]) ** 2).sum(-1)), 1.0))
    return centre, reach * far + GAP_CM + jnp.stack(
        [0 * level, 0 * level + slack_cm, 0 * level]
    )


@typed
def hat(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    hat: props.Hat,
    centre: Float[Array, " 3"],
    radii: Float[Array, " 3"],
) -> solids.Hit:
    """A dome close to the head, with a fold, a brim or a visor.

    Args:
        origin: the camera, in the head's axes.
        ray: one direction per pixel.
        hat: which.
        centre: of the dome.
        radii: of the dome.
    """
    edge, slope, brim = hat.edge_cm, hat.rise, hat.brim_cm
    fold, ribs = hat.fold_cm, hat.ribs
    dome = solids.spheroid(origin, ray, centre, radii)
    cuff = solids.spheroid(origin, ray, centre, radii + FOLD_CM)
    above = _above(solids.at(origin, ray, cuff.depth), edge, slope)
    folded = (above > 0) & (above < fold)
    dome = dome.replace(
        depth=jnp.where(folded, cuff.depth, dome.depth),
        normal=jnp.where(folded[..., None], cuff.normal, dome.normal),
    )
    place = solids.at(origin, ray, dome.depth)
    above = _above(place, edge, slope)
    turn = jnp.arctan2(place[..., 0], place[..., 2] - centre[2])
    turn, above, folded = barrier.barrier((turn, above, folded.astype(jnp.float32)))
    crease = noise.sample(jnp.stack([turn * 0.16, place[..., 1] / 60], -1) + edge)
    grain = noise.texel(jnp.stack([turn, place[..., 1] / 9], -1))[..., 3]
    seam = (1 - ribs) * jnp.exp(-((jnp.sin(3 * turn) / 0.06) ** 2)) * (brim <= 0)
    rib = ribs * jnp.sin(jnp.where(folded > 0, 36, 52) * turn)
    band = (brim > 0) & (above > 0.2) & (above < 2.6)
    hem = jnp.where(fold > 0, jnp.abs(above - fold), above) < 0.25
    tone = jnp.exp(0.07 * grain - 0.3 * seam + 0.16 * rib - 0.4 * band - 0.35 * hem)
    bumps = 0.16 * crease[..., :3] * jnp.array([1.0, 0.6, 1.0])[None, None]
    dome = solids.Hit(
        jnp.where((above > 0) & (dome.depth > 0), dome.depth, solids.FAR),
        light.unit(dome.normal + bumps),
        tone,
    )
    both = solids.nearer(barrier.barrier(dome), _sheet(origin, ray, hat, centre, radii))
    return both.replace(depth=jnp.where(hat.worn > 0, both.depth, solids.FAR))


def _above(place, edge, slope):
    return place[..., 1] - edge - slope * place[..., 2]


def _sheet(origin, ray, hat, centre, radii):
    """Brim or visor: a part of y = edge + slope z - bend x^2, met in closed form."""
    slope, brim, visor, bend = hat.rise, hat.brim_cm, hat.visor_cm, hat.bend
    front = centre[2] + radii[2]
    fall = slope - jnp.where(visor > 0, DROOP, 0.0)
    edge = hat.edge_cm + (slope - fall) * front
    x, y, z = (ray[..., i] for i in range(3))
    a, b = bend * x**2, bend * origin[0] * x + (y - fall * z) / 2
    c = bend * origin[0] ** 2 + origin[1] - edge - fall * origin[2]
    room = b * b - a * c
    root = -(b + jnp.where(b < 0, -1.0, 1.0) * jnp.sqrt(jnp.maximum(room, 0.0)))
    first = root / jnp.where(jnp.abs(a) > 1e-9, a, 1e-9)
    second = c / jnp.where(jnp.abs(root) > 1e-9, root, 1e-9)
    first, second, room = barrier.barrier((first, second, room))

    def reached(depth):
        place = solids.at(origin, ray, jnp.clip(depth, 0, 2000))
        across, along = place[..., 0], place[..., 2] - centre[2]
        ring = jnp.hypot(across / (radii[0] + brim), along / (radii[2] + brim))
        ahead = (along - 0.55 * radii[2]) / (0.45 * radii[2] + visor)
        peak = jnp.hypot(across / (0.86 * radii[0]), ahead)
        there = (brim > 0) & (ring < 1)
        there |= (visor > 0) & (peak < 1) & (ahead > 0)
        there &= (depth > 0) & (depth < 2000) & (room >= 0)
        return jnp.where(there, depth, solids.FAR)

    depth = barrier.barrier(jnp.minimum(reached(first), reached(second)))
    place = solids.at(origin, ray, jnp.clip(depth, 0, 2000))
    flat = jnp.ones_like(depth)
    normal = jnp.stack([2 * bend * place[..., 0], flat, -fall * flat], -1)
    below = (normal * ray).sum(-1) > 0
    normal = jnp.where(below[..., None], -normal, normal)
    return solids.Hit(depth, light.unit(normal), jnp.where(below, 0.55, 0.9))


@typed
def glasses(
    origin: Float[Array, " 3"],
    ray: Float[Array, "h w 3"],
    pair: props.Glasses,
    bridge: Float[Array, " 3"],
) -> tuple[
    Float[Array, "h w"],
    Float[Array, "h w"],
    Float[Array, "h w"],
    Float[Array, "h w 3"],
]:
    """Where glasses are, and what they hide.

    Args:
        origin: the camera, in the head's axes.
        ray: one direction per pixel.
        pair: which.
        bridge: where they sit on the nose.

    Returns:
        Depth, how far rim and lens cover each pixel, and the way that the lens
        mirrors the ray.
    """
    wide, high, power = pair.half_width_cm, pair.half_height_cm, pair.roundness
    rim, curve = pair.rim_cm, pair.curve
    level = bridge[2]
    depth = (level - origin[2]) / jnp.minimum(ray[..., 2], -1e-3)
    for _ in range(3):  # the front bends back at the sides
        x = origin[0] + ray[..., 0] * depth
        depth = (level - curve * x**2 - origin[2]) / jnp.minimum(ray[..., 2], -1e-3)
    x, y = origin[0] + ray[..., 0] * depth, origin[1] + ray[..., 1] * depth - bridge[1]
    aside = jnp.abs(x)
    u, v = jnp.abs(aside - 0.55 - wide) / wide, jnp.abs(y) / high
    far = (u**power + v**power + 1e-6) ** (1 / power)
    gap = (far - 1) * jnp.minimum(wide, high)
    frame = blend.smoothstep((rim - jnp.abs(gap)) / 0.08 + 0.5)
    nose = blend.smoothstep((rim * 0.9 - jnp.abs(y - 0.35 * high)) / 0.08 + 0.5) * (
        aside < 0.6
    )
    frame = jnp.maximum(frame, nose)
    lens = blend.smoothstep(-gap / 0.08 + 0.5)
    near = (ray[..., 2] < -1e-3) & (depth > 0)
    end = 2 * wide + 0.55
    for side in (-1.0, 1.0):
        front = jnp.stack([side * end, bridge[1] + 0.3 * high, level - curve * end**2])
        back = jnp.stack([side * 8.6, bridge[1] + 0.4, jnp.asarray(0.5)])
        thick = jnp.maximum(rim, 0.12) * 0.9
        bow = solids.capsule(origin, ray, front, back, thick)
        nearer = (bow.depth < solids.FAR / 2) & (frame < 0.5)
        depth = jnp.where(nearer, bow.depth, depth)
        frame = jnp.where(nearer, 1.0, frame)
        near = near | nearer
    shown = pair.worn * near
    # Each lens bulges towards the viewer, so it mirrors more than one direction.
    bulge = jnp.where(x < 0, -1.0, 1.0) * (aside - 0.55 - wide)
    bent = jnp.stack([2 * curve * x + 0.06 * bulge, 0.06 * y, jnp.ones_like(x)], -1)
    bent = light.unit(bent)
    mirror = light.unit(ray)
    mirror = mirror - 2 * (mirror * bent).sum(-1, keepdims=True) * bent
    return depth, frame * shown, lens * shown * (1 - frame), mirror


@typed
def shine(
    mirror: Float[Array, "h w 3"],
    lens: Float[Array, "h w"],
    dark: Float[Array, ""],
    turn: Float[Array, "3 3"],
    lamps: light.Light,
) -> Float[Array, "h w 3"]:
    """Linear light that lenses mirror: faintly the surroundings, brightly a lamp.

    Args:
        mirror: where each pixel's ray goes on, in the head's axes.
        lens: how far a lens covers the pixel.
        dark: how dark the lens is, 0 to 1.
        turn: head's axes to camera's axes.
        lamps: the light.
    """
    way = plane.product(mirror, turn.T)
    total = jnp.maximum(light.irradiance(way, lamps.environment), 0.0)
    for i in range(lamps.directions.shape[0]):
        cosine = (way * lamps.directions[i][None, None]).sum(-1)
        spot = jnp.exp(200.0 * (jnp.minimum(cosine, 1.0) - 1))
        total = total + 6.0 * spot[..., None] * lamps.colours[i][None, None]
    share = lens * (0.012 + 0.008 * dark)
    return total * share[..., None]
