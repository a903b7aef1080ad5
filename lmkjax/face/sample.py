"""From a key to the parameters of a face: the priors, and nothing but the priors."""

import dataclasses
import functools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from lmkjax.face import camera, hair, light, props, scenery, sensor, skin
from lmkjax.face import head as heads
from lmkjax.types import Key, typed

SIDES = 6
"""Numbers that say how the two sides of a face differ."""


@struct.dataclass
class FaceParams:
    """All that a picture of a face depends on; one face has no leading axes.

    Attributes:
        identity: standard deviations along the head's modes.
        sides: how the two sides differ, standard deviations.
        expression: 0 to 1 for each of the head's expressions.
        camera: pose and framing.
        light: lamps and environment.
        skin: colours and textures of the face.
        hair: how it is worn.
        props: hat, glasses, hands and things.
        scene: background and clothes.
        sensor: how the picture was taken.
    """

    identity: Float[Array, "*b i"]
    sides: Float[Array, "*b 6"]
    expression: Float[Array, "*b e"]
    camera: camera.Camera
    light: light.Light
    skin: skin.Skin
    hair: hair.Hair
    props: props.Props
    scene: scenery.Scene
    sensor: sensor.Sensor


@dataclasses.dataclass(frozen=True)
class Priors:
    """How faces are spread; angles are standard deviations in degrees.

    Attributes:
        yaw_deg: of most faces; a share `turned` has `wide_deg` instead.
        wide_deg: of turned faces.
        turned: share of turned faces.
        pitch_deg: up and down.
        roll_deg: tilt.
        melanin: the palest and the darkest skin, and the power that bends the draw.
        hardness: mean share of the light that comes from lamps.
        warmth: spread of the light's colour (logarithm of red over blue).
        grey: share of pictures without colour.
        sepia: share of brown pictures.
        noise: mean spread of the sensor's noise.
        blur: mean defocus in 1/128 of the side.
        contrast: spread of the contrast's logarithm.
        cast: spread of the colour cast's logarithm.
        saturated: mean saturation of what is around.
        make_up: share of made-up faces.
        beards: share of faces with some beard.
        masks: share of faces with a face mask.
        glasses: share with glasses, sunglasses included.
        hats: share with something on the head.
        things: share with a hand or a thing before the face.
    """

    yaw_deg: float = 14.5
    wide_deg: float = 32.0
    turned: float = 0.12
    pitch_deg: float = 10.0
    roll_deg: float = 11.0
    melanin: tuple[float, float, float] = (0.05, 2.3, 1.7)
    hardness: float = 0.5
    warmth: float = 0.18
    grey: float = 0.06
    sepia: float = 0.02
    noise: float = 0.008
    blur: float = 0.55
    contrast: float = 0.12
    cast: float = 0.07
    saturated: float = 0.35
    make_up: float = 0.35
    beards: float = 0.38
    masks: float = 0.02
    glasses: float = 0.16
    hats: float = 0.12
    things: float = 0.12


PRIORS = Priors()
"""Faces as photos show them."""

STAND_IN = Priors(
    melanin=(0.3, 2.4, 1.0),
    hardness=0.75,
    warmth=0.4,
    grey=0.2,
    sepia=0.15,
    noise=0.02,
    blur=0.9,
    contrast=0.25,
    cast=0.16,
    saturated=0.75,
    masks=0.04,
    glasses=0.25,
    hats=0.25,
    things=0.3,
)
"""Other looks, poses the same: takes the place of a target domain of real photos."""


class _Draw:
    """Numbers drawn at once from a key, and handed out each once: compiles fast."""

    def __init__(self, key, count=192):
        first, second = jax.random.split(key)
        self.uniforms = jax.random.uniform(first, (count,))
        self.normals = jax.random.normal(second, (count,))
        self.used = [0, 0]

    def _take(self, which, pool, shape):
        start, size = self.used[which], math.prod(shape)
        self.used[which] += size
        if self.used[which] > pool.shape[0]:
            raise ValueError(f"{self.used[which]} numbers wanted of {pool.shape[0]}.")
        return pool[start : start + size].reshape(shape)

    def uniform(self, low=0.0, high=1.0, shape=()):
        return low + (high - low) * self._take(0, self.uniforms, shape)

    def normal(self, spread=1.0, shape=()):
        return spread * self._take(1, self.normals, shape)

    def chance(self, share):
        """1 with the probability `share`, else 0."""
        return (self.uniform() < share).astype(jnp.float32)

    def pick(self, rows, shares=None):
        """One of the rows of a table."""
        rows = jnp.asarray(rows)
        shares = np.ones(len(rows)) if shares is None else np.asarray(shares)
        steps = jnp.asarray(np.cumsum(shares / shares.sum())[:-1], jnp.float32)
        return rows[(self.uniform() > steps).sum()]


@typed
def sample(key: Key, priors: Priors = PRIORS) -> FaceParams:
    """A face, drawn; the same key gives the same face."""
    head = heads.load()
    keys = jax.random.split(key, 8)
    shape = _Draw(keys[0])
    modes = head.identity.shape[0]
    identity = jnp.clip(shape.normal(0.9, (modes,)), -2.5, 2.5)
    sides = shape.normal(1.0, (SIDES,))
    tone = _Draw(keys[1])
    worn = _Draw(keys[7])
    low, high, power = priors.melanin
    melanin = low + (high - low) * tone.uniform() ** power
    lamps = _light(_Draw(keys[2]), priors)
    colour, grey = _hair_colour(tone, melanin)
    on_head = worn.chance(priors.hats)
    return FaceParams(
        identity=identity,
        sides=sides,
        expression=_expression(_Draw(keys[3])),
        camera=_camera(_Draw(keys[4]), priors),
        light=lamps,
        skin=_skin(tone, melanin, colour, grey, priors),
        hair=_hair(worn, colour, grey, on_head, priors),
        props=_props(worn, on_head, priors),
        scene=_scene(_Draw(keys[5]), priors),
        sensor=_sensor(_Draw(keys[6]), lamps, melanin, priors),
    )


def _camera(draw, priors):
    turned = draw.chance(priors.turned)
    spread = priors.yaw_deg + turned * (priors.wide_deg - priors.yaw_deg)
    yaw = jnp.clip(spread * draw.normal(), -90, 90)
    pitch = jnp.clip(1.0 + priors.pitch_deg * draw.normal(), -45, 45)
    roll = jnp.clip(priors.roll_deg * draw.normal(), -45, 45)
    # A head of 24 cm fills a share of a frame of 24 mm, seen through 24 to 135 mm.
    focal_mm = jnp.exp(draw.uniform(math.log(24), math.log(135)))
    distance = focal_mm / draw.uniform(0.25, 0.8)
    return camera.Camera(
        yaw_rad=jnp.deg2rad(yaw),
        pitch_rad=jnp.deg2rad(pitch),
        roll_rad=jnp.deg2rad(roll),
        distance_cm=jnp.clip(distance, 40, 500),
        shift=draw.normal(0.012, (2,)),
        zoom=draw.normal(0.03),
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


def _expression(draw):
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
    row = row + stray * calm
    at = names.index
    blink = jnp.where(
        draw.chance(0.06) > 0, draw.uniform(0.7, 1.0), draw.uniform(0, 0.22)
    )
    blink = blink * jnp.exp(draw.normal(0.05, (2,)))
    row = row.at[jnp.array([at("eyeBlink_L"), at("eyeBlink_R")])].set(blink)
    across, up = draw.normal(0.28), draw.normal(0.2) - 0.04
    for side_, sign in (("L", 1.0), ("R", -1.0)):
        row = row.at[at(f"eyeLookOut_{side_}")].set(jnp.clip(sign * across, 0, 1))
        row = row.at[at(f"eyeLookIn_{side_}")].set(jnp.clip(-sign * across, 0, 1))
        row = row.at[at(f"eyeLookUp_{side_}")].set(jnp.clip(up, 0, 1))
        row = row.at[at(f"eyeLookDown_{side_}")].set(jnp.clip(-up, 0, 1))
    aside = draw.normal(0.12) * draw.chance(0.3)
    row = row.at[at("jawLeft")].add(jnp.maximum(aside, 0))
    row = row.at[at("jawRight")].add(jnp.maximum(-aside, 0))
    return jnp.clip(row, 0, 1)


def _warm(amount):
    """A white that is warmer (above 0) or colder (below)."""
    return jnp.exp(jnp.stack([amount, 0.05 * amount, -1.1 * amount]))


def _light(draw, priors):
    hard = jnp.clip(priors.hardness + draw.normal(0.28), 0.0, 0.95)
    sky = _warm(draw.normal(priors.warmth))
    ground = _warm(draw.normal(priors.warmth) + 0.1)
    tilt, side, back = draw.uniform(0.0, 0.55), draw.normal(0.3), draw.normal(0.2)
    rows = [
        0.5 * (sky + ground),
        side * _warm(draw.normal(priors.warmth)),
        0.5 * tilt * (sky * 1.3 - ground * 0.7),
        back * sky,
    ]
    rest = draw.normal(0.06, (5, 1)) * sky[None]
    environment = jnp.concatenate([jnp.stack(rows), rest]) * (1 - hard)
    directions, colours = [], []
    for number, strength in enumerate((1.6, 0.7, 0.9)):
        azimuth = draw.normal(0.85) if number < 2 else math.pi + draw.normal(1.0)
        height = draw.uniform(-0.15, 1.2) if number else draw.normal(0.4) + 0.55
        cosine = jnp.cos(height)
        directions.append(
            jnp.stack(
                [cosine * jnp.sin(azimuth), jnp.sin(height), cosine * jnp.cos(azimuth)]
            )
        )
        power = strength * hard * jnp.exp(draw.normal(0.4))
        power = power * (1.0 if number == 0 else draw.chance(0.4))
        colours.append(power * _warm(draw.normal(priors.warmth)))
    return light.Light(
        environment, jnp.stack(directions), jnp.stack(colours), draw.uniform()
    )


def _hair_colour(draw, melanin):
    """Linear RGB from black over brown, red and blond to grey and white."""
    dark = jax.nn.sigmoid((melanin - 0.45) * 5)
    brown = draw.uniform() ** 1.7 * (1 - dark) + dark * 0.25 * draw.uniform() ** 2
    red = draw.uniform(0.0, 0.35) + 0.6 * draw.chance(0.06)
    depth = 4.4 - 3.5 * brown
    colour = jnp.exp(-depth * jnp.stack([0.75, 1.0 + 0.25 * red, 1.25 + 0.7 * red]))
    grey = draw.chance(0.16) * draw.uniform(0.3, 1.0)
    white = draw.uniform(0.2, 0.65) * jnp.ones(3)
    colour = colour + (white - colour) * grey
    dyed = draw.chance(0.03)
    paint = jnp.exp(draw.uniform(-3.0, 0.0, (3,)))
    return colour + (paint - colour) * dyed, grey


def _skin(draw, melanin, hair, grey, priors):
    made_up = draw.chance(priors.make_up)
    beard = draw.chance(priors.beards)
    kind = draw.pick([[0.9, 0.9], [0.0, 0.9], [0.9, 0.0], [0.6, 0.6], [0.3, 0.3]])
    lipstick = jnp.stack([0.35, 0.02, 0.03]) * jnp.exp(draw.normal(0.5, (3,)))
    shadow = jnp.exp(draw.uniform(-3.5, -1.0, (3,)))
    iris = draw.pick(
        [
            [0.05, 0.02, 0.008],
            [0.10, 0.045, 0.015],
            [0.10, 0.09, 0.03],
            [0.10, 0.17, 0.25],
        ],
        [0.45, 0.25, 0.12, 0.18],
    )
    pale = jax.nn.sigmoid((0.5 - melanin) * 6)
    iris = jnp.where(pale > 0.2, iris, jnp.array([0.03, 0.013, 0.006]))
    return skin.Skin(
        melanin=melanin,
        blood=draw.uniform(0.12, 0.5) * (0.6 + 0.4 * pale),
        tint=jnp.exp(draw.normal(0.04, (3,))),
        mottle=jnp.stack(
            [
                draw.uniform(0.1, 0.6),
                draw.uniform(0.1, 0.6),
                draw.chance(0.15) * draw.uniform(0.0, 0.6) * pale,
                draw.uniform(0.2, 1.0),
            ]
        ),
        age=jnp.clip(draw.uniform() ** 2 + 0.5 * grey * draw.uniform(), 0, 1),
        oil=jnp.exp(draw.normal(0.6)) * 0.035,
        lips=jnp.stack(
            [draw.uniform(0.2, 0.9), draw.uniform(0.0, 0.25), draw.normal(0.02)]
        ),
        lipstick=jnp.append(
            lipstick, made_up * draw.chance(0.6) * draw.uniform(0.3, 0.9)
        ),
        shadow=jnp.append(shadow, made_up * draw.chance(0.6) * draw.uniform(0.2, 0.8)),
        liner=jnp.stack(
            [draw.uniform(0.35, 0.75) + 0.25 * made_up, 0.5 * draw.uniform()]
        ),
        brow=jnp.concatenate(
            [
                hair * jnp.exp(-0.3 - 0.6 * draw.uniform()),
                jnp.stack(
                    [
                        draw.uniform(0.45, 0.95),
                        draw.uniform(0.6, 1.25),
                        draw.normal(0.06),
                    ]
                ),
            ]
        ),
        beard=jnp.append(
            beard * kind * draw.uniform(0.4, 1.0),
            jnp.stack([draw.uniform(), draw.uniform()]),
        ),
        beard_colour=hair * jnp.exp(draw.normal(0.3)),
        iris=iris * jnp.exp(draw.normal(0.25, (3,))),
        eye=jnp.stack(
            [draw.uniform(0.16, 0.3), draw.uniform(0.0, 0.5), draw.uniform(0.6, 1.0)]
        ),
        mask=jnp.stack([draw.chance(priors.masks), draw.uniform(0.6, 2.2)]),
        mask_colour=draw.pick(
            [[0.75, 0.8, 0.85], [0.35, 0.55, 0.7], [0.02, 0.02, 0.02]]
        ),
        offset=draw.uniform(shape=(2,)),
    )


STYLES = (  # share; cover, top, side, curtain's length, fringe's length, curl
    (0.08, 0.0, 0.1, 0.1, 0.0, 0.0, 0.0),  # bald
    (0.12, 0.8, 0.15, 0.1, 0.0, 0.0, 0.3),  # shorn
    (0.24, 1.0, 1.2, 0.5, 0.0, 0.0, 0.2),  # short
    (0.10, 1.0, 1.6, 0.8, 0.0, 3.5, 0.2),  # short with a fringe
    (0.08, 1.0, 2.6, 2.0, 0.0, 0.8, 1.0),  # curly
    (0.16, 1.0, 1.2, 0.8, 8.0, 0.5, 0.3),  # to the chin
    (0.15, 1.0, 1.1, 0.8, 19.0, 0.3, 0.3),  # long
    (0.07, 1.0, 1.2, 0.8, 15.0, 4.2, 0.2),  # long with a fringe
)


def _hair(draw, colour, grey, on_head, priors):
    table = np.array(STYLES)
    style = draw.pick(table[:, 1:], table[:, 0])
    scarf = on_head * draw.chance(0.2)
    length = style[3] * draw.uniform(0.6, 1.3)
    length = jnp.where(scarf > 0, 15.0, length)
    dyed = _colour(draw, priors.saturated)
    recede = draw.chance(0.3 + 0.4 * grey) * draw.uniform(0.0, 2.8)
    long = (style[3] > 0) | (scarf > 0)
    return hair.Hair(
        cover=jnp.maximum(style[0] * draw.uniform(0.85, 1.0), scarf),
        volume=jnp.stack(
            [
                style[1] * draw.uniform(0.6, 1.5),
                style[2] * draw.uniform(0.6, 1.5),
                draw.uniform(0.05, 0.3) * style[1],
            ]
        )
        * (1 - 0.6 * scarf),
        line=jnp.stack(
            [
                draw.normal(0.6),
                recede * (style[4] < 1),
                style[4] * draw.uniform(0.6, 1.3),
                draw.normal(0.5),
                draw.uniform(-1.5, 2.5),
                draw.normal(0.8),
            ]
        ),
        curtain=jnp.stack(
            [
                jnp.where(long, length, 0.0),
                jnp.where(scarf > 0, 0.95, draw.uniform(0.8, 1.35)),
                draw.uniform(-0.2, 0.6),
                draw.uniform(0.0, 0.8),
            ]
        ),
        strand=jnp.stack(
            [
                draw.uniform(0.3, 1.2) * (1 - 0.9 * scarf),
                draw.uniform(0.5, 1.3) * (1 - 0.6 * scarf),
                style[5] * draw.uniform() * (1 - scarf),
            ]
        ),
        colour=colour + (dyed - colour) * scarf,
        gloss=draw.uniform(0.02, 0.16) * (1 - scarf),
        cloth=scarf,
        offset=draw.uniform(shape=(2,)),
    )


def _props(draw, on_head, priors):
    """Hats, glasses, hands and things; all drawn, few of them worn."""
    kind = draw.pick(
        [[0.0, 0.0], [0.0, 7.0], [5.0, 0.0], [2.5, 0.0]], [0.35, 0.4, 0.1, 0.15]
    )
    scarf_drawn = draw.chance(0.8)  # a scarf sometimes has a hat upon it
    hat = jnp.stack(
        [
            on_head * scarf_drawn,
            draw.uniform(7.6, 10.0),
            draw.normal(0.06) + 0.02,
            draw.uniform(7.5, 10.0),
            kind[0] * draw.uniform(0.7, 1.3),
            kind[1] * draw.uniform(0.7, 1.2),
        ]
    )
    dark = draw.chance(0.3)
    glasses = jnp.stack(
        [
            draw.chance(priors.glasses),
            draw.uniform(2.35, 2.95),
            draw.uniform(1.5, 2.4),
            draw.uniform(2.0, 5.0),
            draw.uniform(0.08, 0.32),
            dark * draw.uniform(0.75, 1.0) + (1 - dark) * draw.uniform(0.0, 0.12),
            draw.uniform(0.01, 0.03),
        ]
    )
    there = draw.chance(priors.things)
    what = draw.pick(np.eye(3), [0.5, 0.25, 0.25])
    limbs = _hand(draw) * what[0] + _stick(draw) * what[1]
    card = jnp.stack(
        [
            there * what[2],
            draw.normal(3.5),
            draw.normal(3.5) - 3.0,
            draw.uniform(12.0, 17.0),
            draw.uniform(2.0, 5.0),
            draw.uniform(3.0, 7.0),
            draw.normal(0.5),
        ]
    )
    rim = jnp.exp(draw.uniform(-4.5, -0.8)) * _warm(draw.normal(0.3))
    tint = 0.01 + 0.06 * draw.uniform(shape=(3,)) * dark
    return props.Props(
        hat=hat,
        hat_colour=_colour(draw, 1.5 * priors.saturated),
        glasses=glasses,
        glasses_colours=jnp.stack([rim, tint]),
        limbs=limbs.at[:, 6].multiply(there),
        limb_colour=_colour(draw, priors.saturated),
        limb_skin=what[0],
        card=card,
        card_colour=_colour(draw, priors.saturated),
        card_text=draw.uniform(0.0, 1.5),
    )


def _hand(draw):
    """A hand before the lower face or beside it: palm, fingers, arm."""
    centre = jnp.stack(
        [draw.normal(4.0), draw.uniform(-9.0, 0.5), draw.uniform(12.5, 14.5)]
    )
    turn = draw.normal(0.8)
    up = jnp.stack([jnp.sin(turn), jnp.cos(turn), 0 * turn])
    side = jnp.stack([jnp.cos(turn), -jnp.sin(turn), 0 * turn])
    back = jnp.array([0.0, 0.0, -1.0])
    curl, spread = draw.uniform(0.0, 0.6), draw.uniform(0.05, 0.3)
    rows = []
    for i, reach in enumerate((6.5, 7.6, 7.2, 5.6)):
        root = centre + side * (i - 1.5) * 1.9 + up * 1.5
        way = up * (1 - curl) + side * (i - 1.5) * spread + back * curl * 0.5
        rows.append(jnp.concatenate([root, root + way * reach, jnp.full(1, 0.85)]))
    thumb = centre - side * 3.5 - up * 2.0
    end = thumb - side * 2.5 + up * 4.0
    rows.append(jnp.concatenate([thumb, end, jnp.full(1, 0.95)]))
    for shift in (-1.6, 1.6):
        foot = centre + side * shift
        rows.append(
            jnp.concatenate([foot - up * 5.0, foot + up * 1.5, jnp.full(1, 2.0)])
        )
    rows.append(
        jnp.concatenate(
            [centre - up * 5.0, centre - up * 22.0 - back, jnp.full(1, 2.6)]
        )
    )
    return jnp.stack(rows)


def _stick(draw):
    """A microphone, a cup, a bar: a head and a handle."""
    end = jnp.stack(
        [draw.normal(2.5), draw.uniform(-8.0, -2.0), draw.uniform(13.0, 17.0)]
    )
    way = jnp.stack([draw.normal(0.7), -1.0 + 0 * end[0], 0.3 + 0 * end[0]])
    thick = draw.uniform(0.8, 2.2)
    head = jnp.concatenate(
        [end, end + way * draw.uniform(0.5, 3.0), (thick * 1.5)[None]]
    )
    rod = jnp.concatenate([end, end + way * 18.0, thick[None]])
    return jnp.concatenate([jnp.stack([head, rod]), jnp.zeros((6, 7))])


def _colour(draw, saturated):
    """A colour as photos have them: any brightness, mostly dull."""
    level = jnp.exp(draw.uniform(-3.4, -0.1))
    hue = draw.normal(shape=(3,))
    hue = hue - hue.mean()
    return jnp.clip(level * jnp.exp(saturated * draw.uniform() * hue), 0.002, 0.95)


def _scene(draw, priors):
    count = 5
    near = _colour(draw, priors.saturated)
    colours = [near, _colour(draw, priors.saturated), _colour(draw, priors.saturated)]
    plain = draw.chance(0.25)
    shapes = jnp.concatenate(
        [
            draw.uniform(-0.1, 1.1, (count, 2)),
            jnp.exp(draw.uniform(-3.2, -0.7, (count, 2))),
            draw.normal(0.15, (count, 1))
            + 1.57 * draw.uniform(0, 2, (count, 1)).round(),
            draw.uniform(0, 1, (count, 1)).round(),
            draw.uniform(0.05, 1.0, (count, 1)),
            draw.uniform(0.2, 1.0, (count, 1)) * (1 - plain),
        ],
        -1,
    )
    paints = [_colour(draw, priors.saturated) for _ in range(count)]
    cloth = _colour(draw, 1.5 * priors.saturated)
    return scenery.Scene(
        colours=jnp.stack(colours),
        slope=draw.normal(1.2, (2,)),
        clouds=draw.uniform(0.0, 1.0, (3,)) ** 2 * (1 - 0.8 * plain),
        scale=jnp.exp(draw.uniform(-0.7, 1.2)),
        shapes=shapes,
        shape_colours=jnp.stack(paints),
        stripes=jnp.stack(
            [
                draw.chance(0.2) * draw.uniform(0.1, 0.5),
                draw.uniform(2, 14),
                draw.uniform(0, math.pi),
                draw.uniform(0.1, 1.0),
            ]
        ),
        cloth=jnp.stack([cloth, _colour(draw, 1.5 * priors.saturated)]),
        cloth_pattern=jnp.stack(
            [
                draw.chance(0.3) * draw.uniform(),
                draw.uniform(0.3, 2.0),
                draw.uniform(0.1, 0.5),
            ]
        ),
        shoulders=jnp.stack(
            [
                draw.uniform(15, 20),
                draw.normal(1.0),
                draw.uniform(0, 6),
                draw.uniform(0.2, 0.7),
            ]
        ),
        offset=draw.uniform(shape=(2,)),
    )


def _sensor(draw, lamps, melanin, priors):
    front = jnp.array([[0.0, 0.35, 0.94], [0.5, 0.2, 0.84], [-0.5, 0.2, 0.84]])
    level = light.diffuse(front, jnp.ones(3) * 0.8, jnp.ones(3) * 0.8, lamps).mean()
    # A camera sees to it that a face is neither black nor white, and half succeeds.
    wanted = 1.15 * jnp.exp(0.30 * melanin + draw.normal(0.28))
    grey = draw.chance(priors.grey)
    return sensor.Sensor(
        exposure=wanted / jnp.maximum(level, 0.05),
        blur=priors.blur
        * jnp.exp(draw.normal(0.45))
        * jnp.exp(draw.normal(0.12, (2,))),
        noise=priors.noise * jnp.exp(draw.normal(0.6, (2,))) * jnp.array([1.0, 0.6]),
        contrast=jnp.exp(draw.normal(priors.contrast)) * 1.05,
        cast=jnp.exp(draw.normal(priors.cast, (3,))),
        saturation=(1 - grey) * jnp.clip(1 + draw.normal(0.18), 0.3, 1.5),
        sepia=draw.chance(priors.sepia) * draw.uniform(0.5, 1.0),
        black=jnp.maximum(draw.normal(0.03), 0.0),
        offset=draw.uniform(shape=(2,)),
    )
