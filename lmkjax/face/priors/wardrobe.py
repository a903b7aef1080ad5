"""Priors of what is worn and held: hats, glasses, hands and things."""

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.face.paint import props
from lmkjax.face.priors import draw as draws


def worn(draw, priors):
    """Hats, glasses, hands and things; all drawn, few of them worn."""
    hat = _hat(draw, priors)
    chance = draw.uniform()
    dark = (chance < priors.sunglasses).astype(jnp.float32)
    there = (chance < priors.sunglasses + priors.glasses).astype(jnp.float32)
    glasses = {
        "worn": there,
        "half_width_cm": draw.uniform(2.35, 2.95),
        "half_height_cm": draw.uniform(1.3, 2.2),
        "roundness": draw.uniform(2.0, 4.5),
        "rim_cm": draw.uniform(0.05, 0.14) + 0.2 * draw.uniform() ** 2,
        "dark": dark * draw.uniform(0.93, 1.0) + (1 - dark) * draw.uniform(0.0, 0.05),
        "curve": draw.uniform(0.01, 0.03),
    }
    chance, what = draw.uniform(), draw.pick(np.eye(2))
    hand = (chance < priors.hands).astype(jnp.float32)
    thing = (chance < priors.hands + priors.things) * (1 - hand)
    limbs = jax.tree.map(
        lambda fingers, rods: fingers * hand + rods * (1 - hand),
        _hand(draw),
        _stick(draw),
    )
    limbs = limbs.replace(
        radius_cm=limbs.radius_cm * jnp.maximum(hand, thing * what[0])
    )
    card = {
        "there": thing * what[1],
        "centre": jnp.stack(
            [draw.normal(3.5), draw.normal(3.5) - 3.0, draw.uniform(12.0, 17.0)]
        ),
        "half_width_cm": draw.uniform(2.0, 5.0),
        "half_height_cm": draw.uniform(3.0, 7.0),
        "turn_rad": draw.normal(0.5),
    }
    rim = jnp.exp(-4.5 + 3.7 * draw.uniform() ** 2) * draws.warm(draw.normal(0.3))
    tint = 0.001 + 0.007 * draw.uniform(shape=(3,)) * dark
    hat = props.Hat(**hat, colour=draws.colour(draw, 1.5 * priors.saturated))
    return props.Props(
        hat=hat,
        glasses=props.Glasses(**glasses, rim_colour=rim, lens_colour=tint),
        limbs=limbs,
        limb_colour=draws.colour(draw, priors.saturated),
        limb_skin=hand,
        card=props.Card(
            **card,
            colour=draws.colour(draw, priors.saturated),
            text=draw.uniform(0.0, 1.5),
        ),
        **_at_ears(draw, priors, hat.worn),
    )


def _at_ears(draw, priors, covered):
    """Headphones and earrings."""
    metal = draw.pick([[0.9, 0.62, 0.25], [0.75, 0.75, 0.75], [0.05, 0.05, 0.06]])
    headphones = {
        "worn": draw.chance(priors.headphones) * (1 - covered),
        "cup_cm": draw.uniform(2.6, 3.8),
        "band_cm": draw.uniform(0.8, 1.8),
        "tilt": draw.normal(0.12),
    }
    earrings = props.Earrings(
        worn=draw.chance(priors.earrings),
        radius_cm=draw.uniform(0.2, 0.5),
        length=1 + 3.5 * draw.uniform() ** 3,
        colour=metal,
    )
    colour = draws.colour(draw, priors.saturated)
    return {
        "headphones": props.Headphones(**headphones, colour=colour),
        "earrings": earrings,
    }


HATS = (  # share; slack, rise, brim, visor, bend, fold, ribs
    (0.27, 0.3, 0.22, 0.0, 0.0, 0.0, 3.5, 1.0),  # woolly, turned up
    (0.13, 1.8, 0.24, 0.0, 0.0, 0.0, 0.0, 1.0),  # woolly, long
    (0.38, 0.5, 0.16, 0.0, 6.5, 0.030, 0.0, 0.0),  # cap with a visor
    (0.12, 1.8, 0.10, 5.5, 0.0, 0.004, 0.0, 0.0),  # with a brim
    (0.10, 0.8, 0.10, 3.5, 0.0, 0.022, 0.0, 0.0),  # with a short, drooping brim
)
FOREHEAD = (6.9, 8.9)
"""Where the edges of hats cross the middle of the forehead, cm in the head's axes."""


def _hat(draw, priors):
    table = np.array(HATS)
    kind = draw.pick(table[:, 1:], table[:, 0])
    slack, rise, brim, visor, bend, fold, ribs = kind
    rise = rise + draw.normal(0.03)
    edge = draw.uniform(*FOREHEAD) - rise * 10.0  # the forehead is 10 cm before
    factor = draw.uniform(0.75, 1.25, (5,))
    return {
        "slack_cm": slack * draw.uniform(0.3, 1.8),
        "worn": draw.chance(priors.hats),
        "edge_cm": edge,
        "rise": rise,
        "brim_cm": brim * factor[0],
        "visor_cm": visor * factor[1],
        "bend": bend * factor[2],
        "fold_cm": fold * factor[3],
        "ribs": ribs,
    }


LIMBS = 15
"""Parts of a hand and its arm."""
HANDS = (  # share; aside, spread, height, spread, before; turn, spread, curl
    (0.33, 7.5, 1.2, -7.5, 1.5, 10.5, -0.2, 0.25, 0.30),  # at the cheek
    (0.25, 1.0, 1.5, -13.5, 1.0, 11.0, -0.1, 0.40, 0.75),  # below the chin
    (0.22, 6.0, 1.5, -6.5, 1.2, 13.2, -1.10, 0.25, 0.25),  # across the mouth
    (0.20, 8.0, 1.5, 1.5, 2.5, 11.5, -0.1, 0.35, 0.35),  # at the temple
)


def _hand(draw):
    """A hand at the face: four fingers of two parts on a palm, a thumb, an arm."""
    table = np.array(HANDS)
    aside, wide, height, tall, before, turn, spread, curl = draw.pick(
        table[:, 1:], table[:, 0]
    )
    mirror = 1 - 2 * draw.chance(0.5)
    x = mirror * (aside + draw.normal(wide))
    palm = jnp.stack([x, height + draw.normal(tall), before + draw.normal(0.5)])
    turn = mirror * (turn + draw.normal(spread))
    up = jnp.stack([jnp.sin(turn), jnp.cos(turn), 0 * turn])
    side = mirror * jnp.stack([jnp.cos(turn), -jnp.sin(turn), 0 * turn])
    back = jnp.array([0.0, 0.0, -1.0])
    curl = curl * draw.uniform(0.5, 1.5)
    apart = draw.uniform(0.02, 0.2)
    wrist = palm - up * 4.5
    rows = []

    def limb(start, end, radius):
        rows.append((start, end, jnp.asarray(radius)))

    for i, reach in enumerate((3.9, 4.5, 4.2, 3.2)):
        place = i - 1.5
        knuckle = palm + side * place * 1.85 + up * (4.0 - 0.25 * place**2)
        limb(wrist + side * place * 1.0, knuckle, 1.15)
        bend = curl * (1 + 0.15 * place)
        first = up * jnp.cos(bend) + side * place * apart + back * jnp.sin(bend)
        middle = knuckle + first * reach
        limb(knuckle, middle, 0.92)
        bend = 2.2 * bend
        second = up * jnp.cos(bend) + side * place * apart + back * jnp.sin(bend)
        limb(middle, middle + second * reach * 0.75, 0.78)
    root = wrist - side * 2.2 + up * 1.0
    joint = root - side * 2.3 + up * 3.0 + back * 0.5
    limb(root, joint, 1.2)
    limb(joint, joint - side * 0.3 + up * 3.0 + back * curl, 0.95)
    limb(wrist, wrist - up * 22.0 - back * 2.0, 2.5)
    return props.Capsules(*(jnp.stack(column) for column in zip(*rows, strict=True)))


def _stick(draw):
    """A microphone, a cup, a bar: a head and a handle."""
    end = jnp.stack(
        [draw.normal(2.5), draw.uniform(-8.0, -2.0), draw.uniform(13.0, 17.0)]
    )
    way = jnp.stack([draw.normal(0.7), -1.0 + 0 * end[0], 0.3 + 0 * end[0]])
    thick = draw.uniform(0.8, 2.2)
    head = end + way * draw.uniform(0.5, 3.0)
    rods = props.Capsules(
        start=jnp.stack([end, end]),
        end=jnp.stack([head, end + way * 18.0]),
        radius_cm=jnp.stack([thick * 1.5, thick]),
    )
    return jax.tree.map(
        lambda x: jnp.pad(x, [(0, LIMBS - 2), *[(0, 0)] * (x.ndim - 1)]), rods
    )
