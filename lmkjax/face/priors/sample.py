"""From a key to the parameters of a face: the priors, and nothing but the priors."""

import dataclasses
import functools
import json
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face import compiled
from lmkjax.face.optics import camera, light, sensor
from lmkjax.face.paint import backdrop, props, scenery, traits
from lmkjax.face.priors import draw as draws
from lmkjax.face.priors import limits, looks, options, wardrobe
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import measures as lengths
from lmkjax.face.shape import surface as surfaces
from lmkjax.types import Key, typed

SIDES = len(dataclasses.fields(surfaces.Sides))


@struct.dataclass
class FaceParams:
    """All that a picture of a face depends on; one face has no leading axes.

    Attributes:
        identity: standard deviations along the head's modes.
        sides: how the two sides differ, standard deviations.
        youth: 0 (adult) to 1 (a small child).
        expression: 0 to 1 for each of the head's expressions.
        camera: pose and framing.
        light: lamps and environment.
        skin: colours and textures of the face.
        hair: how it is worn.
        props: hat, glasses, hands and things.
        scene: background and clothes.
        backdrop: which part of which picture of the user's is behind it.
        sensor: how the picture was taken.
    """

    identity: Float[Array, "*b i"]
    sides: surfaces.Sides
    youth: Float[Array, "*b"]
    expression: Float[Array, "*b e"]
    camera: camera.Camera
    light: light.Light
    skin: traits.Skin
    hair: traits.Hair
    props: props.Props
    scene: scenery.Scene
    backdrop: backdrop.Backdrop
    sensor: sensor.Sensor


PARTS = (
    *("shape", "expression", "skin", "worn", "light"),
    *("camera", "scene", "sensor", "backdrop"),
)
"""What of a face is drawn apart, so that more numbers of one change no other."""


@typed
def sample(
    key: Key,
    priors: options.Priors = options.PRIORS,
    *,
    head: heads.HeadLike | None = None,
    measures: Mapping[str, float | Float[Array, ""]] | None = None,
) -> FaceParams:
    """A face, drawn; the same key gives the same face.

    Args:
        key: of the face.
        priors: how faces are spread.
        head: whose identity and expression; None is the project's own head.
        measures: what the person measures, by the names of `shape.measures`, in
            standard deviations from the mean; the rest of the face is drawn.
    """
    head = head or heads.load()
    numbers = draws.numbers(key, PARTS, count=_needed(head))
    return _one(numbers, dataclasses.asdict(priors), measures, head=head)


def _needed(head):
    """How many random numbers a part may need."""
    return max(192, head.modes + SIDES)


def _face(numbers, priors, head, measures):
    """The face that random numbers make."""
    own = {part: draws.Draw(row) for part, row in zip(PARTS, numbers, strict=True)}
    shape, tone, worn = own["shape"], own["skin"], own["worn"]
    identity = jnp.clip(shape.normal(priors.identity, (head.modes,)), -2.5, 2.5)
    if measures:
        identity = lengths.hold(head, identity, measures)
    wish = _expression(own["expression"], priors)
    sides = shape.normal(priors.asymmetry, (SIDES,))
    child = shape.chance(priors.children) * shape.uniform(0.3, 1.0)
    low, high, power = priors.melanin
    melanin = low + (high - low) * tone.uniform() ** power
    lamps = looks.lamps(own["light"], priors)
    colour, grey = looks.hair_colour(tone, melanin, priors)
    person = looks.person(tone, melanin, colour, grey, priors)
    grown = (child == 0).astype(jnp.float32)
    bearded = jax.tree.map(lambda amount: amount * grown, person.beard)
    person = person.replace(age=person.age * grown, beard=bearded)
    return FaceParams(
        identity=identity,
        sides=surfaces.Sides(*sides),
        youth=child,
        expression=limits.apply(head, identity, _of_head(wish, head)),
        camera=_camera(own["camera"], priors),
        light=lamps,
        skin=person,
        hair=looks.locks(worn, colour, grey, priors),
        props=wardrobe.worn(worn, priors),
        scene=looks.surroundings(own["scene"], melanin, priors),
        backdrop=looks.backdrop(own["backdrop"], priors),
        sensor=looks.device(own["sensor"], lamps, melanin, priors),
    )


def many(
    keys: jax.Array,
    priors: options.Priors = options.PRIORS,
    *,
    head: heads.HeadLike | None = None,
) -> FaceParams:
    """Faces of many keys, along a leading axis; compiled once for all priors."""
    head = head or heads.load()
    # Apart: in one program the numbers are worked out anew for each use of one.
    numbers = _numbers(keys, count=_needed(head))
    return _many(numbers, dataclasses.asdict(priors), head=head)


@functools.partial(compiled.jit, static=["count"], options=compiled.ONCE)
def _numbers(keys, *, count):
    return jax.vmap(lambda key: draws.numbers(key, PARTS, count=count))(keys)


@functools.partial(compiled.jit, static=["head"], options=compiled.ONCE)
def _many(numbers, values, *, head):
    return jax.vmap(lambda own: _one(own, values, None, head=head))(numbers)


# Traced once for one face and for any number of them.
@functools.partial(compiled.jit, static=["head"], options=compiled.ONCE)
def _one(numbers, values, measures, *, head):
    return _face(numbers, options.Priors(**values), head, measures)


def _camera(draw, priors):
    turned = draw.chance(priors.turned)
    spread = priors.yaw_deg + turned * (priors.wide_deg - priors.yaw_deg)
    yaw = jnp.clip(spread * draw.normal(), -90, 90)
    pitch = jnp.clip(priors.down_deg + priors.pitch_deg * draw.normal(), -45, 45)
    roll = jnp.clip(priors.roll_deg * draw.normal(), -45, 45)
    # A head of 24 cm fills a share of a frame of 24 mm, seen through 24 to 135 mm.
    focal_mm = jnp.exp(draw.uniform(*map(jnp.log, priors.focal_mm)))
    distance = focal_mm / draw.uniform(0.25, 0.8)
    own = jnp.stack([yaw, pitch, roll])
    far, first, second = draw.chance(priors.large_poses), *draw.uniform(-1, 1, (2, 3))
    # Two draws' mean is seldom large; yaw is one draw, so that no angle is rare.
    large = jnp.where(jnp.array([True, False, False]), first, (first + second) / 2)
    large = large * jnp.stack([jnp.asarray(most) for most in priors.largest_deg])
    yaw, pitch, roll = jnp.deg2rad(jnp.where(far > 0, large, own))
    return camera.Camera(
        yaw_rad=yaw,
        pitch_rad=pitch,
        roll_rad=roll,
        distance_cm=jnp.clip(distance, 40, 500),
        shift=draw.normal(0.012 * priors.jitter, (2,)),
        zoom=draw.normal(0.03 * priors.jitter),
    )


@functools.cache
def _kinds():
    """Expressions as people make them: a row each, and how frequent they are."""
    table = json.loads((heads.ASSETS / "expressions.json").read_text())
    names = heads.load().expression_names
    rows = np.zeros((len(table), len(names)), np.float32)
    for row, kind in zip(rows, table.values(), strict=True):
        for name, amount in kind["full"].items():
            row[names.index(name)] = amount
    return rows, np.array([kind["share"] for kind in table.values()], np.float32)


def _of_head(row, head):
    """The amounts of FaceKit's expressions in a head's own order; 0 of others."""
    names = heads.load().expression_names
    if head.expression_names == names:
        return row
    spots = [names.index(n) if n in names else -1 for n in head.expression_names]
    return jnp.append(row, 0.0)[jnp.array(spots, int)]


def _expression(draw, priors):
    """One kind of expression, more or less of it, a blink, a gaze, and some noise."""
    rows, shares = _kinds()
    names = heads.load().expression_names
    row = draw.pick(rows, shares) * draw.uniform(0.35, 1.1)
    row = row + 0.35 * draw.uniform() * draw.pick(rows, shares) * draw.chance(0.4)
    row = row * jnp.exp(draw.normal(0.25, (len(names),)))
    left = jnp.array([name.endswith("_L") for name in names])
    right = jnp.array([name.endswith("_R") for name in names])
    side = draw.chance(0.15) * draw.normal(0.8) + draw.normal(0.08)
    row = row * jnp.where(left, jnp.exp(-jnp.maximum(side, 0)), 1.0)
    row = row * jnp.where(right, jnp.exp(jnp.minimum(side, 0)), 1.0)
    calm = jnp.array([not n.startswith(("eye", "jaw", "mouthClose")) for n in names])
    stray = jnp.maximum(draw.normal(0.10, (len(names),)) - 0.02, 0)
    row = priors.expressions * (row + stray * calm)
    at = names.index
    blink = jnp.where(
        draw.chance(priors.blinks) > 0, draw.uniform(0.7, 1.0), draw.uniform(0, 0.22)
    )
    blink = blink * jnp.exp(draw.normal(0.05, (2,)))
    row = row.at[jnp.array([at("eyeBlink_L"), at("eyeBlink_R")])].set(blink)
    across = draw.normal(0.28 * priors.gaze)
    up = priors.gaze * (draw.normal(0.2) - 0.04)
    for side_, sign in (("L", 1.0), ("R", -1.0)):
        row = row.at[at(f"eyeLookOut_{side_}")].set(jnp.clip(sign * across, 0, 1))
        row = row.at[at(f"eyeLookIn_{side_}")].set(jnp.clip(-sign * across, 0, 1))
        row = row.at[at(f"eyeLookUp_{side_}")].set(jnp.clip(up, 0, 1))
        row = row.at[at(f"eyeLookDown_{side_}")].set(jnp.clip(-up, 0, 1))
    aside = draw.normal(0.12 * priors.expressions) * draw.chance(0.3)
    row = row.at[at("jawLeft")].add(jnp.maximum(aside, 0))
    row = row.at[at("jawRight")].add(jnp.maximum(-aside, 0))
    return jnp.clip(row, 0, 1)
