"""Backgrounds without a face: leaves, noise, stripes, text, slopes, and nothing."""

import functools
import string

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MOST_LEAVES = 90
SIGNS = string.ascii_letters + string.digits + ".:;()-%&@oO08"


def draw(rng: np.random.RandomState, size: int) -> Image.Image:
    """A background by chance, RGB, `size` pixels square."""
    kinds = [leaves, leaves, leaves, noise, stripes, slope, page]
    image = kinds[rng.randint(len(kinds))](rng, size)
    if rng.uniform() < 0.3:
        image = Image.blend(image, noise(rng, size), rng.uniform(0.1, 0.6))
    if rng.uniform() < 0.2:
        write(rng, image)
    return image


def colour(rng: np.random.RandomState) -> tuple[int, int, int]:
    """A colour by chance: any, a dull one, or one of skin and wood."""
    which = rng.uniform()
    if which < 0.3:
        return tuple(int(x) for x in rng.randint(0, 256, 3))
    light = rng.uniform(10, 250)
    if which < 0.7:
        return tuple(int(x) for x in np.clip(light + rng.normal(0, 14, 3), 0, 255))
    tint = [1.0, rng.uniform(0.62, 0.85), rng.uniform(0.4, 0.75)]
    return tuple(int(x) for x in np.clip(light * np.array(tint), 0, 255))


def noise(rng: np.random.RandomState, size: int) -> Image.Image:
    """Noise of several scales about a colour or two, as clouds and plaster have."""
    total, falls = np.zeros((size, size), np.float32), rng.uniform(0.4, 1.1)
    cells, channels = 2, [np.array(colour(rng), np.float32) for _ in range(2)]
    while cells <= size:
        wide = max(1, int(cells * rng.choice([1, 1, 1, 0.3])))
        grid = Image.fromarray(rng.normal(0, 1, (cells, wide)).astype(np.float32))
        total += np.asarray(grid.resize((size, size), Image.BICUBIC)) / cells**falls
        cells *= 2
    share = 1 / (1 + np.exp(-total * rng.uniform(1, 5)))[..., None]
    both = channels[0] * share + channels[1] * (1 - share)
    return Image.fromarray(both.astype(np.uint8))


def slope(rng: np.random.RandomState, size: int) -> Image.Image:
    """One colour, or from one to another; a photo of nothing."""
    ends = np.array([colour(rng), colour(rng)], np.float32)
    if rng.uniform() < 0.5:
        ends[1] = ends[0]
    across = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    rows = ends[0] * (1 - across) + ends[1] * across
    flat = np.broadcast_to(rows, (size, size, 3)).astype(np.uint8)
    return Image.fromarray(flat).rotate(90 * rng.randint(4))


def stripes(rng: np.random.RandomState, size: int) -> Image.Image:
    """Stripes, tiles, windows: what people build."""
    image = Image.new("RGB", (2 * size, 2 * size), colour(rng))
    pen = ImageDraw.Draw(image)
    wide, high = (int(rng.uniform(5, 60)) for _ in range(2))
    if rng.uniform() < 0.3:
        high = 2 * size
    gap = rng.uniform(0.1, 0.7)
    paints = [colour(rng) for _ in range(rng.randint(1, 4))]
    form = pen.ellipse if rng.uniform() < 0.25 else pen.rectangle
    for top in range(0, 2 * size, high):
        for left in range(0, 2 * size, wide):
            edge = [left, top, left + int(wide * gap), top + int(high * gap)]
            form(edge, fill=paints[rng.randint(len(paints))])
    image = image.rotate(rng.uniform(-90, 90), Image.BILINEAR)
    first = size // 2
    return image.crop((first, first, first + size, first + size))


def leaves(rng: np.random.RandomState, size: int) -> Image.Image:
    """Things over one another, of all sizes: edges as photos have them.

    Source: Lee, Mumford and Huang, "Occlusion Models for Natural Images", IJCV 2001.
    """
    image = noise(rng, size) if rng.uniform() < 0.5 else slope(rng, size)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.randint(5, MOST_LEAVES)):
        radius = min(3 * rng.pareto(1.0) + 2, size)
        x, y = rng.uniform(-10, size + 10, 2)
        leaf(rng, pen, x, y, radius)
    return image


def leaf(rng: np.random.RandomState, pen, x: float, y: float, radius: float) -> None:
    """One thing: round, cornered, long, or round with two or three dots in it."""
    fill, kind = colour(rng), rng.randint(5)
    high = radius * rng.uniform(0.4, 1.6)
    edge = [x - radius, y - high, x + radius, y + high]
    if kind == 0:
        pen.rectangle(edge, fill=fill)
    elif kind == 1:
        turns = np.sort(rng.uniform(0, 2 * np.pi, rng.randint(3, 8)))
        around = [(x + radius * np.cos(a), y + high * np.sin(a)) for a in turns]
        pen.polygon(around, fill=fill)
    elif kind == 2:
        ends = rng.normal(0, 2 * radius, 4) + [x, y, x, y]
        pen.line(list(ends), fill=fill, width=1 + int(radius * rng.uniform(0, 0.4)))
    else:
        pen.ellipse(edge, fill=fill)
    if kind == 4:
        inner = colour(rng)
        for _ in range(rng.randint(1, 5)):
            u, v = rng.uniform(-0.6, 0.6, 2) * [radius, high]
            r = radius * rng.uniform(0.05, 0.3)
            pen.ellipse([x + u - r, y + v - r, x + u + r, y + v + r], fill=inner)


def page(rng: np.random.RandomState, size: int) -> Image.Image:
    """A page of text."""
    image = slope(rng, size)
    for _ in range(rng.randint(3, 10)):
        write(rng, image)
    return image


def write(rng: np.random.RandomState, image: Image.Image) -> None:
    """Some lines of signs on a picture."""
    font, pen = _font(int(rng.choice([8, 12, 18, 28, 48, 80]))), ImageDraw.Draw(image)
    lines = [
        "".join(rng.choice(list(SIGNS), rng.randint(2, 24)))
        for _ in range(rng.randint(1, 4))
    ]
    place = tuple(rng.uniform(-20, image.width, 2))
    pen.text(place, "\n".join(lines), fill=colour(rng), font=font)


@functools.cache
def _font(size: int):
    return ImageFont.load_default(size)
