"""Priors of looks: light, skin, hair, surroundings and sensor."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.face.optics import light, sensor
from lmkjax.face.paint import backdrop as backdrops
from lmkjax.face.paint import scenery, skin, traits
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
        shadow=jnp.asarray(priors.shadows, jnp.float32),
        occlusion=jnp.asarray(priors.occlusion, jnp.float32),
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
    return traits.Skin(
        melanin=melanin,
        blood=draw.uniform(0.12, 0.5) * (0.6 + 0.4 * pale),
        tint=jnp.exp(draw.normal(0.04, (3,))),
        mottle=traits.Mottle(
            redness=priors.redness * draw.uniform(0.1, 0.6),
            pigment=priors.redness * draw.uniform(0.1, 0.6),
            freckles=draw.chance(priors.freckles) * draw.uniform(0.0, 0.6) * pale,
            texture=draw.uniform(0.2, 1.0),
        ),
        age=priors.wrinkles
        * jnp.clip(draw.uniform() ** 2 + 0.5 * grey * draw.uniform(), 0, 1),
        oil=priors.oil * jnp.exp(draw.normal(0.6)) * 0.035,
        lips=traits.Lips(
            blood=draw.uniform(0.2, 0.9),
            dark=draw.uniform(0.0, 0.25),
            edge_cm=draw.normal(0.02),
        ),
        lipstick=traits.MakeUp(
            colour=lipstick, cover=made_up * draw.chance(0.6) * draw.uniform(0.3, 0.9)
        ),
        shadow=traits.MakeUp(
            colour=shadow, cover=made_up * draw.chance(0.6) * draw.uniform(0.2, 0.8)
        ),
        liner=traits.Liner(
            upper=priors.lashes * (draw.uniform(0.55, 0.85) + 0.15 * made_up),
            lower=priors.lashes * (0.6 * draw.uniform()),
        ),
        brow=traits.Brow(
            colour=hair * jnp.exp(-0.3 - 1.2 * draw.uniform()),
            cover=draw.chance(priors.brows) * draw.uniform(0.55, 1.0),
            thickness=draw.uniform(0.6, 1.3),
            lift_cm=draw.normal(0.06),
        ),
        beard=traits.Beard(
            *(beard * kind * draw.uniform(0.4, 1.0)),
            contrast=draw.uniform(),
            stubble=draw.uniform(),
        ),
        beard_colour=hair * jnp.exp(draw.normal(0.3)),
        iris=iris * jnp.exp(draw.normal(0.25, (3,))),
        eye=traits.Eye(
            pupil_cm=draw.uniform(0.18, 0.33),
            redness=draw.uniform(0.0, 0.5),
            white=draw.uniform(0.35, 0.65),
        ),
        mask=traits.Mask(
            worn=draw.chance(priors.masks),
            edge_cm=draw.uniform(0.6, 2.2),
            colour=draw.pick(
                [[0.75, 0.8, 0.85], [0.35, 0.55, 0.7], [0.02, 0.02, 0.02]]
            ),
        ),
        offset=draw.uniform(shape=(2,)),
        moles=traits.Moles(
            place=jnp.stack(
                [draw.normal(3.5, (4,)), draw.uniform(-6.5, 8.5, (4,))], -1
            ),
            radius_cm=draw.uniform(0.09, 0.22, (4,))
            * (draw.uniform(shape=(4,)) < priors.moles),
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
    cover, top_cm, sides_cm, hangs_cm, fringe_cm, curl = style
    haired, scarf = draw.chance(priors.hair), draw.chance(priors.scarves)
    flat = 1 - 0.6 * scarf
    length = hangs_cm * draw.uniform(0.6, 1.3)
    length = jnp.where(scarf > 0, 16.0, length * haired)
    dyed = draws.colour(draw, priors.saturated)
    recede = draw.chance(priors.receding * (0.85 + grey)) * draw.uniform(0.0, 2.8)
    return traits.Hair(
        cover=jnp.maximum(haired * cover, scarf),
        volume=traits.Volume(
            top_cm=flat * top_cm * draw.uniform(0.6, 1.5),
            sides_cm=flat * sides_cm * draw.uniform(0.6, 1.5),
            lumps_cm=flat * draw.uniform(0.05, 0.3) * top_cm,
        ),
        line=traits.Hairline(
            lift_cm=0.5 + draw.normal(0.6),
            recede_cm=recede * (fringe_cm < 1),
            fringe_cm=fringe_cm * draw.uniform(0.6, 1.3),
            slant=draw.normal(0.5),
            sideburns_cm=draw.uniform(-1.5, 2.5),
            nape_cm=draw.normal(0.8),
        ),
        curtain=traits.Curtain(
            length_cm=length,
            opens_rad=jnp.where(scarf > 0, 0.98, draw.uniform(0.6, 1.25)),
            flare=draw.uniform(-0.2, 0.6),
            waves=draw.uniform(0.0, 0.8),
        ),
        strand=traits.Strand(
            ragged=draw.uniform(0.3, 1.2) * (1 - 0.9 * scarf),
            contrast=draw.uniform(0.5, 1.3) * (1 - 0.6 * scarf),
            curl=curl * draw.uniform() * (1 - scarf),
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
    far, cloudy = (draws.colour(draw, priors.saturated) for _ in range(2))
    plain = draw.chance(priors.plain)
    place = draw.uniform(-0.1, 1.1, (count, 2))
    sides = jnp.exp(draw.uniform(-3.2, -0.7, (count, 2)))
    shapes = scenery.Shapes(
        place=place,
        half_width=sides[:, 0],
        half_height=sides[:, 1],
        turn_rad=draw.normal(0.15, (count,))
        + 1.57 * draw.uniform(0, 2, (count,)).round(),
        roundness=draw.uniform(0, 1, (count,)).round(),
        softness=draw.uniform(0.03, 1.0, (count,)) ** 2,
        cover=draw.uniform(0.2, 1.0, (count,))
        * (1 - plain)
        * (draw.uniform(shape=(count,)) < priors.shapes),
        colour=jnp.stack([draws.colour(draw, priors.saturated) for _ in range(count)]),
    )
    cloth, striped = (draws.colour(draw, 1.5 * priors.saturated) for _ in range(2))
    bare = skin.pigment(melanin, jnp.asarray(0.25))
    wears = draw.chance(priors.clothes) > 0
    cloth, striped = (jnp.where(wears, own, bare) for own in (cloth, striped))
    slope = draw.normal(1.2 * priors.gradients, (2,))
    clouds = priors.clouds * draw.uniform(0.0, 1.0, (3,)) ** 4 * (1 - 0.8 * plain)
    scene = scenery.Scene(
        near_colour=near,
        far_colour=far,
        cloud_colour=cloudy,
        slope=slope,
        clouds=scenery.Clouds(*clouds),
        scale=jnp.exp(draw.uniform(-0.7, 1.2)),
        shapes=shapes,
        stripes=scenery.Stripes(
            strength=draw.chance(priors.stripes) * draw.uniform(0.1, 0.5),
            count=draw.uniform(2, 14),
            turn_rad=draw.uniform(0, math.pi),
            softness=draw.uniform(0.1, 1.0),
        ),
        cloth_colour=cloth,
        stripe_colour=striped,
        cloth_pattern=scenery.Pattern(
            stripes=draw.chance(priors.patterns) * draw.uniform(),
            rad_per_cm=draw.uniform(0.3, 2.0),
            folds=draw.uniform(0.1, 0.5),
        ),
        shoulders=scenery.Shoulders(
            half_width_cm=draw.uniform(15, 20),
            height_cm=draw.normal(1.0),
            neckline_cm=draw.uniform(0, 6),
            turn=draw.uniform(0.2, 0.7),
        ),
        offset=draw.uniform(shape=(2,)),
    )
    return scene.replace(shapes=_passers_by(draw, shapes, priors))


def _passers_by(draw, shapes, priors):
    """The last shapes turned into up to two blurred heads behind the face."""
    there = draw.chance(priors.people) * jnp.stack([1.0, draw.chance(0.4)])
    for number in range(2):
        wide = draw.uniform(0.05, 0.13)
        x = draw.uniform(0.0, 0.36) + 0.64 * draw.chance(0.5)
        y, soft = draw.uniform(0.1, 0.5), draw.uniform(0.06, 0.6)
        tone = skin.pigment(draw.uniform(0.1, 1.8), draw.uniform(0.15, 0.4))
        dark = jnp.exp(-draw.uniform(0.5, 5.0)) * jnp.array([1.0, 0.8, 0.65])
        tilt = draw.normal(0.12)
        person = scenery.Shapes(  # shoulders, hair, face
            place=jnp.stack(
                [jnp.stack([x, y + drop * wide]) for drop in (3.4, -0.25, 0.2)]
            ),
            half_width=wide * jnp.array([2.2, 1.08, 0.86]),
            half_height=wide * jnp.array([1.9, 1.25, 1.2]),
            turn_rad=jnp.stack([0 * tilt, tilt, tilt]),
            roundness=jnp.ones(3),
            softness=jnp.full(3, soft),
            cover=jnp.ones(3),
            colour=jnp.stack([draws.colour(draw, priors.saturated), dark, tone]),
        )
        own, shown = slice(2 + 3 * number, 5 + 3 * number), there[number] > 0
        shapes = jax.tree.map(
            lambda old, new, own=own, shown=shown: old.at[own].set(
                jnp.where(shown, new, old[own])
            ),
            shapes,
            person,
        )
    return shapes


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
        shot_noise=priors.noise * jnp.exp(draw.normal(0.6)),
        colour_noise=priors.noise * jnp.exp(draw.normal(0.6)) * 0.6,
        contrast=jnp.exp(draw.normal(priors.contrast)) * 1.08,
        cast=jnp.exp(cast * draw.normal(shape=(3,))),
        saturation=(1 - grey) * jnp.clip(1 + draw.normal(0.18), 0.3, 1.5),
        sepia=draw.chance(priors.sepia) * draw.uniform(0.5, 1.0),
        black=jnp.maximum(draw.normal(priors.faded), 0.0),
        coarse=1 + draw.chance(priors.low_resolution) * draw.uniform(0.2, 2.5),
        jpeg=draw.chance(priors.jpeg) * draw.uniform(0.05, 0.25),
        offset=draw.uniform(shape=(2,)),
    )
