"""A person at the moments of a clip: the renderer's parameters, moved smoothly."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.face import compiled, labels
from lmkjax.face.optics import camera, light
from lmkjax.face.priors import limits, options, sample
from lmkjax.face.shape import head as heads
from lmkjax.types import each_of, purpose, typed

POSE_S, FACE_S, PLACE_S, LIGHT_S = 0.7, 0.5, 1.0, 2.5
"""Seconds from one knot to the next: of pose, expression and gaze, place, light."""
BLINK_S, BETWEEN_S = 0.3, 2.5
"""How long a blink takes, and how long it is from one to the next, at the mean."""
FAR, NEAR = 0.8, 1.12
"""The face's size, in units of what a still picture of the clip's median would have."""
COMES = 0.25
"""The power of another's distance from the camera in units of one's own: two persons'
may differ tenfold."""
WANDERS = 0.12
"""How far the head's middle moves from the picture's, in units of its side."""
FRONT = np.float32([[0.0, 0.35, 0.94], [0.5, 0.2, 0.84], [-0.5, 0.2, 0.84]])
"""Normals of a face: what lies there is as bright by each of the clip's lights."""


@typed
def spline(
    knots: Float[Array, "n ..."], at: Float[Array, " f"]
) -> Float[Array, "f ..."]:
    """The uniform cubic B-spline of some knots: no jerk, and never beyond them.

    Args:
        knots: at times 0, 1, 2, ...
        at: times from 1 to n - 2.
    """
    first = jnp.clip(at.astype(jnp.int32), 1, knots.shape[0] - 3)
    t = at - first
    weights = jnp.stack(
        [
            (1 - t) ** 3,
            3 * t**3 - 6 * t**2 + 4,
            -3 * t**3 + 3 * t**2 + 3 * t + 1,
            t**3,
        ]
    )
    near = jnp.stack([knots[first + i] for i in (-1, 0, 1, 2)])
    weights = weights.reshape(*weights.shape, *[1] * (knots.ndim - 1))
    return (weights * near).sum(0) / 6


def moments(
    keys: jax.Array, times_s: np.ndarray, *, size: int, priors: options.Priors
) -> sample.FaceParams:
    """One person at each moment of a clip.

    Pose, expression, gaze and light go from one drawn face's to the next one's, eyes
    blink, the head wanders through the picture and comes nearer; the grain of the
    sensor is of each picture. All else is the first face's.

    Args:
        keys: of as many faces as `needed` says; the first is the person.
        times_s: seconds, from 0.
        size: side of the pictures, pixels.
        priors: how faces are spread.
    """
    times = jnp.asarray(times_s, jnp.float32)
    drawn = sample.many(keys, priors)
    rest = purpose(keys[0], "clip")
    return _moments(drawn, rest, times, size=size)


def needed(times_s: np.ndarray) -> int:
    """How many faces a clip's person, expressions, poses and lights are taken from."""
    return int(times_s.max() / min(POSE_S, FACE_S, LIGHT_S)) + 5


def at(faces: sample.FaceParams, which: np.ndarray) -> sample.FaceParams:
    """Some moments of a clip, by their numbers."""
    return jax.tree.map(lambda x: x[which], faces)


def _moments(drawn, key, times, *, size):
    """See `moments`."""
    head, count = heads.load(), len(times)
    person = jax.tree.map(lambda x: x[0], drawn)
    every = jax.tree.map(lambda x: jnp.broadcast_to(x[0], (count, *x.shape[1:])), drawn)
    pose, near = (
        jax.tree.map(lambda x, s=s: spline(x, 1 + times / s), drawn.camera)
        for s in (POSE_S, LIGHT_S)
    )
    own = drawn.camera.distance_cm[0]
    wish = spline(drawn.expression, 1 + times / FACE_S)
    wish = _blink(wish, times, purpose(key, "blinks"), head.expression_names)
    expression = _possible(person.identity, wish)
    grain = jax.random.uniform(purpose(key, "grain"), (count, 2))
    every = every.replace(
        expression=expression,
        light=_lights(drawn.light, times),
        sensor=every.sensor.replace(offset=grain),
        camera=pose.replace(distance_cm=own * (near.distance_cm / own) ** COMES),
    )
    still = every.replace(
        camera=every.camera.replace(shift=jnp.zeros((count, 2)), zoom=jnp.zeros(count))
    )
    views = _views(still, size=size)
    return every.replace(
        camera=_seen(still.camera, views, times, purpose(key, "place"), size=size)
    )


@compiled.jit
def _possible(identity, wish):
    """Expressions that a person can make."""
    head = heads.load()
    return jax.vmap(lambda own: limits.apply(head, identity, own))(wish)


@functools.partial(compiled.jit, static=["size"])
def _views(faces, *, size):
    """How each moment's picture would be cut if it were a still picture."""
    return jax.vmap(lambda one: labels.pose(one, size=size).view)(faces)


def _blink(wish, times, key, names):
    """Eyes that shut and open again, now and then."""
    span = float(times[-1]) + BLINK_S
    numbers = each_of(key, jnp.arange(int(2 * span / BETWEEN_S) + 2))
    gaps = jax.vmap(lambda own: jax.random.uniform(own, (), minval=0.3, maxval=1.7))(
        numbers
    )
    middles = jnp.cumsum(gaps * BETWEEN_S)
    phase = jnp.clip((times[:, None] - middles[None]) / BLINK_S, -0.5, 0.5)
    shut = (0.5 + 0.5 * jnp.cos(2 * jnp.pi * phase)).max(-1)
    for name in ("eyeBlink_L", "eyeBlink_R"):
        at = names.index(name)
        wish = wish.at[:, at].set(jnp.maximum(wish[:, at], shut))
    return wish


def _lights(lamps, times):
    """Light that changes its colour and its side, and is as strong on the face."""
    front, ones = jnp.asarray(FRONT), jnp.ones(len(FRONT))

    def level(one):
        return light.diffuse(front, ones, ones, one).mean()

    strength = jax.vmap(level)(lamps)
    same = (strength[0] / jnp.maximum(strength, 1e-3))[:, None, None]
    lamps = lamps.replace(
        environment=lamps.environment * same, colours=lamps.colours * same
    )
    now = jax.tree.map(lambda x: spline(x, 1 + times / LIGHT_S), lamps)
    length = jnp.linalg.norm(now.directions, axis=-1, keepdims=True)
    return now.replace(directions=now.directions / jnp.maximum(length, 1e-6))


def _seen(eyes, views, times, key, *, size):
    """Cameras that stand still, or nearly so: the head moves through their picture.

    A picture is cut about its face's box, which an opened mouth makes larger; what
    undoes that is `camera.frame`, the other way round.
    """
    count = int(times[-1] / PLACE_S) + 5
    place, near = jnp.split(jax.random.uniform(key, (count, 3), minval=-1), [2], 1)
    ends = np.log([FAR, NEAR])
    scale = jnp.exp(spline(ends.mean() + near[:, 0] * np.ptp(ends) / 2, 1 + times))
    scale = jnp.median(views.scale) * scale
    shift = size * (0.5 + WANDERS * spline(place, 1 + times))
    due = 0.5 + jnp.array([[0.0, camera.FRAMING.up]])
    zoom = jnp.minimum(jnp.log(scale / views.scale), camera.CLOSEST)
    scale = views.scale * jnp.exp(zoom)
    middle = (size * due - views.shift) / views.scale[:, None]
    return eyes.replace(zoom=zoom, shift=(shift + scale[:, None] * middle) / size - due)
