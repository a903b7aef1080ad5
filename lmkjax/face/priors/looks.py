"""Priors of looks: light, skin, hair, surroundings and sensor."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.face.optics import light, sensor
from lmkjax.face.paint import backdrop as backdrops
from lmkjax.face.paint import hair, scenery, skin
from lmkjax.face.priors import draw as draws


def lamps(draw, priors):
    """The light: a sky, a ground, and up to three lamps."""
    hard = jnp.clip(priors.hardness + draw.normal(0.28), 0.0, 0.95)
    sky = draws.warm(draw.normal(priors.warmth))
    ground = draws.warm(draw.normal(priors.warmth) + 0.1)
    tilt, side, back = draw.uniform(0.0, 0.55), draw.normal(0.3), draw.normal(0.2)
    rows = [
        0.5 * (sky + ground),
        side * draws.warm(draw.normal(priors.warmth)),
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
        colours.append(power * draws.warm(draw.normal(priors.warmth)))
    return light.Light(
        environment=environment,
        directions=jnp.stack(directions),
        colours=jnp.stack(colours),
        softness=draw.uniform(),
        shade=jnp.array([priors.shadows, priors.occlusion]),
    )


def hair_colour(draw, melanin, priors):
    """Linear RGB from black over brown, red and blond to grey and white."""
    dark = jax.nn.sigmoid((melanin - 0.45) * 5)
    brown = draw.uniform() ** 1.7 * (1 - dark) + dark * 0.25 * draw.uniform() ** 2
    red = draw.uniform(0.0, 0.35) + 0.6 * draw.chance(0.06)
    depth = 5.0 - 4.0 * brown
    colour = jnp.exp(-depth * jnp.stack([0.75, 0.9 + 0.3 * red, 1.08 + 0.8 * red]))
    colour = colour + 0.006  # what strands send back unseen by pigment
    grey = draw.chance(priors.grey_hair) * draw.uniform(0.3, 1.0)
    white = draw.uniform(0.12, 0.5) * jnp.ones(3)
    colour = colour + (white - colour) * grey
    dyed = draw.chance(priors.dyed_hair)
    paint = jnp.exp(draw.uniform(-3.0, 0.0, (3,)))
    return colour + (paint - colour) * dyed, grey


def person(draw, melanin, hair, grey, priors):
    """A person's skin, eyes, brows, beard and make-up."""
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
                priors.redness * draw.uniform(0.1, 0.6),
                priors.redness * draw.uniform(0.1, 0.6),
                draw.chance(priors.freckles) * draw.uniform(0.0, 0.6) * pale,
                draw.uniform(0.2, 1.0),
            ]
        ),
        age=priors.wrinkles
        * jnp.clip(draw.uniform() ** 2 + 0.5 * grey * draw.uniform(), 0, 1),
        oil=priors.oil * jnp.exp(draw.normal(0.6)) * 0.035,
        lips=jnp.stack(
            [draw.uniform(0.2, 0.9), draw.uniform(0.0, 0.25), draw.normal(0.02)]
        ),
        lipstick=jnp.append(
            lipstick, made_up * draw.chance(0.6) * draw.uniform(0.3, 0.9)
        ),
        shadow=jnp.append(shadow, made_up * draw.chance(0.6) * draw.uniform(0.2, 0.8)),
        liner=priors.lashes
        * jnp.stack([draw.uniform(0.55, 0.85) + 0.15 * made_up, 0.6 * draw.uniform()]),
        brow=jnp.concatenate(
            [
                hair * jnp.exp(-0.3 - 1.2 * draw.uniform()),
                jnp.stack(
                    [
                        draw.chance(priors.brows) * draw.uniform(0.55, 1.0),
                        draw.uniform(0.6, 1.3),
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
            [draw.uniform(0.18, 0.33), draw.uniform(0.0, 0.5), draw.uniform(0.35, 0.65)]
        ),
        mask=jnp.stack([draw.chance(priors.masks), draw.uniform(0.6, 2.2)]),
        mask_colour=draw.pick(
            [[0.75, 0.8, 0.85], [0.35, 0.55, 0.7], [0.02, 0.02, 0.02]]
        ),
        offset=draw.uniform(shape=(2,)),
        moles=jnp.concatenate(
            [
                draw.normal(3.5, (4, 1)),
                draw.uniform(-6.5, 8.5, (4, 1)),
                draw.uniform(0.09, 0.22, (4, 1))
                * (draw.uniform(shape=(4, 1)) < priors.moles),
            ],
            -1,
        ),
    )


STYLES = (  # share; cover, top, side, curtain's length, fringe's length, curl
    (0.12, 0.8, 0.15, 0.1, 0.0, 0.0, 0.3),  # shorn
    (0.24, 1.0, 1.2, 0.5, 0.0, 0.0, 0.2),  # short
    (0.10, 1.0, 1.6, 0.8, 0.0, 3.5, 0.2),  # short with a fringe
    (0.08, 1.0, 2.6, 2.0, 0.0, 0.8, 1.0),  # curly
    (0.16, 1.0, 1.2, 0.8, 8.0, 0.5, 0.3),  # to the chin
    (0.15, 1.0, 1.1, 0.8, 19.0, 0.3, 0.3),  # long
    (0.07, 1.0, 1.2, 0.8, 15.0, 4.2, 0.2),  # long with a fringe
)


def locks(draw, colour, grey, priors):
    """How the hair is worn, or a scarf over it."""
    table = np.array(STYLES)
    style = draw.pick(table[:, 1:], table[:, 0])
    haired, scarf = draw.chance(priors.hair), draw.chance(priors.scarves)
    length = style[3] * draw.uniform(0.6, 1.3)
    length = jnp.where(scarf > 0, 16.0, length * haired)
    dyed = draws.colour(draw, priors.saturated)
    recede = draw.chance(priors.receding * (0.85 + grey)) * draw.uniform(0.0, 2.8)
    return hair.Hair(
        cover=jnp.maximum(haired * style[0], scarf),
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
                0.5 + draw.normal(0.6),
                recede * (style[4] < 1),
                style[4] * draw.uniform(0.6, 1.3),
                draw.normal(0.5),
                draw.uniform(-1.5, 2.5),
                draw.normal(0.8),
            ]
        ),
        curtain=jnp.stack(
            [
                length,
                jnp.where(scarf > 0, 0.98, draw.uniform(0.6, 1.25)),
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


def surroundings(draw, melanin, priors):
    """Background and clothes."""
    count = 8
    near = draws.colour(draw, priors.saturated)
    colours = [near, *(draws.colour(draw, priors.saturated) for _ in range(2))]
    plain = draw.chance(priors.plain)
    shapes = jnp.concatenate(
        [
            draw.uniform(-0.1, 1.1, (count, 2)),
            jnp.exp(draw.uniform(-3.2, -0.7, (count, 2))),
            draw.normal(0.15, (count, 1))
            + 1.57 * draw.uniform(0, 2, (count, 1)).round(),
            draw.uniform(0, 1, (count, 1)).round(),
            draw.uniform(0.03, 1.0, (count, 1)) ** 2,
            draw.uniform(0.2, 1.0, (count, 1))
            * (1 - plain)
            * (draw.uniform(shape=(count, 1)) < priors.shapes),
        ],
        -1,
    )
    paints = [draws.colour(draw, priors.saturated) for _ in range(count)]
    cloth = [draws.colour(draw, 1.5 * priors.saturated) for _ in range(2)]
    bare = skin.pigment(melanin, jnp.asarray(0.25))
    cloth = jnp.where(draw.chance(priors.clothes) > 0, jnp.stack(cloth), bare[None])
    scene = scenery.Scene(
        colours=jnp.stack(colours),
        slope=draw.normal(1.2 * priors.gradients, (2,)),
        clouds=priors.clouds * draw.uniform(0.0, 1.0, (3,)) ** 4 * (1 - 0.8 * plain),
        scale=jnp.exp(draw.uniform(-0.7, 1.2)),
        shapes=shapes,
        shape_colours=jnp.stack(paints),
        stripes=jnp.stack(
            [
                draw.chance(priors.stripes) * draw.uniform(0.1, 0.5),
                draw.uniform(2, 14),
                draw.uniform(0, math.pi),
                draw.uniform(0.1, 1.0),
            ]
        ),
        cloth=cloth,
        cloth_pattern=jnp.stack(
            [
                draw.chance(priors.patterns) * draw.uniform(),
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
    shapes, paints = _passers_by(draw, scene.shapes, scene.shape_colours, priors)
    return scene.replace(shapes=shapes, shape_colours=paints)


def _passers_by(draw, shapes, paints, priors):
    """The last shapes turned into up to two blurred heads behind the face."""
    there = draw.chance(priors.people) * jnp.stack([1.0, draw.chance(0.4)])
    for number in range(2):
        wide = draw.uniform(0.05, 0.13)
        x = draw.uniform(0.0, 0.36) + 0.64 * draw.chance(0.5)
        y, soft = draw.uniform(0.1, 0.5), draw.uniform(0.06, 0.6)
        tone = skin.pigment(draw.uniform(0.1, 1.8), draw.uniform(0.15, 0.4))
        dark = jnp.exp(-draw.uniform(0.5, 5.0)) * jnp.array([1.0, 0.8, 0.65])
        one, tilt = jnp.ones(()), draw.normal(0.12)
        rows = jnp.stack(
            [
                jnp.stack([x, y + 3.4 * wide, 2.2 * wide, 1.9 * wide, 0 * x]),
                jnp.stack([x, y - 0.25 * wide, 1.08 * wide, 1.25 * wide, tilt]),
                jnp.stack([x, y + 0.2 * wide, 0.86 * wide, 1.2 * wide, tilt]),
            ]
        )
        edge = jnp.stack([one, soft, one])[None]
        rows = jnp.concatenate([rows, jnp.repeat(edge, 3, 0)], 1)
        colours = jnp.stack([draws.colour(draw, priors.saturated), dark, tone])
        place = slice(2 + 3 * number, 5 + 3 * number)
        shown = there[number] > 0
        shapes = shapes.at[place].set(jnp.where(shown, rows, shapes[place]))
        paints = paints.at[place].set(jnp.where(shown, colours, paints[place]))
    return shapes, paints


def backdrop(draw, priors):
    """Which part of which of the user's own pictures is behind the face."""
    return backdrops.Backdrop(
        there=draw.chance(priors.photos),
        which=draw.uniform(),
        place=draw.uniform(shape=(2,)),
        side=draw.uniform(0.4, 1.0),
        flip=draw.chance(0.5),
        blur=priors.defocus * 4.0 * draw.uniform() ** 2,
        level=jnp.exp(draw.normal(0.3)),
    )


def device(draw, lamps, melanin, priors):
    """A camera that sees to it that the face is neither black nor white."""
    front = jnp.array([[0.0, 0.35, 0.94], [0.5, 0.2, 0.84], [-0.5, 0.2, 0.84]])
    level = light.diffuse(front, jnp.ones(3) * 0.8, jnp.ones(3) * 0.8, lamps).mean()
    # A camera sees to it that a face is neither black nor white, and half succeeds.
    wanted = 1.15 * jnp.exp(0.30 * melanin + draw.normal(priors.exposure))
    grey, way = draw.chance(priors.grey), draw.uniform(0.0, math.pi)
    # Stage light, dusk, old prints: a few pictures are red, blue or yellow all over.
    cast = priors.cast * (1 + 4 * draw.chance(priors.stained))
    return sensor.Sensor(
        exposure=wanted / jnp.maximum(level, 0.05),
        blur=priors.blur * jnp.exp(draw.normal(0.3)) * jnp.exp(draw.normal(0.12, (2,))),
        motion=draw.chance(priors.motion)
        * draw.uniform(1.0, 5.0)
        * jnp.stack([jnp.cos(way), jnp.sin(way)]),
        noise=priors.noise * jnp.exp(draw.normal(0.6, (2,))) * jnp.array([1.0, 0.6]),
        contrast=jnp.exp(draw.normal(priors.contrast)) * 1.08,
        cast=jnp.exp(cast * draw.normal(shape=(3,))),
        saturation=(1 - grey) * jnp.clip(1 + draw.normal(0.18), 0.3, 1.5),
        sepia=draw.chance(priors.sepia) * draw.uniform(0.5, 1.0),
        black=jnp.maximum(draw.normal(priors.faded), 0.0),
        coarse=1 + draw.chance(priors.low_resolution) * draw.uniform(0.2, 2.5),
        jpeg=draw.chance(priors.jpeg) * draw.uniform(0.05, 0.25),
        offset=draw.uniform(shape=(2,)),
    )
