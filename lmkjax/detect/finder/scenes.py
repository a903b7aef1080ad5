"""Scenes to learn finding from: heads over one another, and things that are none."""

import functools
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from lmkjax.detect.finder import backdrops, develop
from lmkjax.detect.finder import heads as rendered
from lmkjax.face import picture
from lmkjax.landmarks import points as plane

FACIAL = [
    picture.CLASSES.index(name)
    for name in ("skin", "brows", "eyes", "lips", "mouth", "glasses")
]
WANTED, HIDDEN = 0.5, 0.2
"""Shares of a face that show: above the first it is wanted, below the other it is no
face; between them nothing is asked."""
COUNTS = (0, 1, 2, 3, 4, 6, 9)
ODDS = (0.2, 0.15, 0.15, 0.15, 0.15, 0.12, 0.08)


class Scene(NamedTuple):
    """A picture and the faces in it.

    Attributes:
        image: RGB, uint8 [size, size, 3].
        boxes: float32 [n, 4], around the 68 points; parts may lie outside.
        wanted: bool [n]; of the others, hidden or cut off, nothing is asked.
    """

    image: np.ndarray
    boxes: np.ndarray
    wanted: np.ndarray


class _Piece(NamedTuple):
    """Something to paste: its picture, its cover, where its face shows, its points."""

    image: Image.Image
    cover: Image.Image
    facial: Image.Image
    points: np.ndarray


def draw(rng: np.random.RandomState, heads: rendered.Heads, size: int) -> Scene:
    """A scene by chance, `size` pixels square."""
    canvas = backdrops.draw(rng, size)
    owner = np.zeros((size, size), np.uint8)
    count = int(rng.choice(COUNTS, p=ODDS))
    alike = np.exp(rng.uniform(np.log(14), np.log(60)))
    boxes, areas = [], []
    for side in sorted(_side(rng, alike) for _ in range(count)):
        piece = _head(rng, heads, seen=True)
        boxes.append(_paste(rng, canvas, owner, piece, side, len(boxes) + 1))
        areas.append(boxes[-1][1])
        while rng.uniform() < 0.25:
            _distract(rng, canvas, owner, heads)
    while rng.uniform() < (0.75 if count < 2 else 0.25):
        _distract(rng, canvas, owner, heads)
    left = [(owner == i + 1).sum() for i in range(count)]
    share = np.array(left, float) / np.maximum(np.array(areas, float), 1)
    table = np.array([box for box, _ in boxes], np.float32).reshape(-1, 4)
    kept = share > HIDDEN
    image = np.asarray(develop.photo(rng, canvas))
    return Scene(image, table[kept], share[kept] >= WANTED)


def _side(rng, alike):
    """Of a face, pixels: the square root of its box's area."""
    if rng.uniform() < 0.5:
        return alike * np.exp(rng.normal(0, 0.15))
    if rng.uniform() < 0.12:
        return np.exp(rng.uniform(np.log(60), np.log(400)))
    return np.exp(rng.uniform(np.log(9), np.log(60)))


def _head(rng, heads: rendered.Heads, *, seen: bool) -> _Piece:
    """A head by chance whose face is seen, or is not."""
    one = int(rng.choice(_numbers(heads, seen)))
    piece = _prepared(heads, one)
    if seen and rng.uniform() < 0.12:  # with what is behind it: a picture in a picture
        piece = piece._replace(cover=Image.new("L", piece.image.size, 255))
    image, points = develop.tinted(rng, piece.image), piece.points
    if rng.uniform() < 0.5:
        mirror = Image.FLIP_LEFT_RIGHT
        pictures = image, piece.cover, piece.facial
        points = points * [-1, 1] + [rendered.SIZE, 0]
        return _Piece(*(x.transpose(mirror) for x in pictures), points)
    return piece._replace(image=image)


@functools.lru_cache(maxsize=4)
def _numbers(heads: rendered.Heads, seen: bool) -> np.ndarray:
    return np.flatnonzero(np.asarray(heads.seen) == seen)


@functools.lru_cache(maxsize=4096)
def _prepared(heads: rendered.Heads, one: int) -> _Piece:
    kinds, points = np.asarray(heads.kinds[one]), np.array(heads.points[one])
    cover = Image.fromarray(255 * rendered.cover(kinds).astype(np.uint8))
    cover = cover.filter(ImageFilter.MinFilter(3))  # its rim shows what is behind
    cover = cover.filter(ImageFilter.GaussianBlur(0.8))
    inside = np.zeros(kinds.shape, bool)
    left, top, right, bottom = plane.box(points).clip(0, rendered.SIZE).astype(int)
    inside[top:bottom, left:right] = True
    facial = Image.fromarray(255 * (inside & np.isin(kinds, FACIAL)).astype(np.uint8))
    return _Piece(Image.fromarray(np.asarray(heads.images[one])), cover, facial, points)


def _turn(rng) -> float:
    """Degrees in the picture's plane: little, mostly."""
    which = rng.uniform()
    if which < 0.7:
        return rng.normal(0, 8)
    return rng.uniform(-45, 45) if which < 0.93 else rng.uniform(-100, 100)


def _paste(rng, canvas, owner, piece: _Piece, side: float, number: int):
    """Pastes a piece by chance; its box, and how many pixels its face has."""
    own = np.sqrt(np.prod(np.ptp(piece.points, axis=0)))
    scale, angle = side / own, np.deg2rad(_turn(rng))
    stretch = np.exp(rng.normal(0, 0.05))
    cos, sin = np.cos(angle), np.sin(angle)
    turn = scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag([stretch, 1 / stretch])
    middle = (piece.points.min(0) + piece.points.max(0)) / 2
    size = canvas.width
    rim = min(side / 2, size / 4)
    place = rng.uniform(-rim, size + rim, 2) if rng.uniform() < 0.3 else None
    place = rng.uniform(rim, size - rim, 2) if place is None else place
    points = (piece.points - middle) @ turn.T + place
    image, cover, facial, corner = _placed(piece, turn, middle, place, size)
    canvas.paste(image, corner, cover)
    left, top = corner
    own = owner[top : top + image.height, left : left + image.width]
    covered = np.asarray(cover) > 127
    own[covered] = 0
    own[covered & (np.asarray(facial) > 127)] = number
    # What the rim cuts off counts as well.
    whole = (np.asarray(piece.facial) > 127).sum() * scale**2
    return plane.box(points), whole


def _placed(piece, turn, middle, place, size):
    """The part of the scene that a piece may lie in: its pictures there, its corner."""
    ends = np.array([(0, 0), (0, 1), (1, 0), (1, 1)]) * rendered.SIZE
    ends = (ends - middle) @ turn.T + place
    low = np.clip(np.floor(ends.min(0)), 0, size - 1).astype(int)
    high = np.clip(np.ceil(ends.max(0)), low + 1, size).astype(int)
    shrink = max(1, int(1 / np.sqrt(abs(np.linalg.det(turn)))))
    back = np.linalg.inv(turn)
    at = (middle + back @ (low - place)) / shrink
    rows = [*(back[0] / shrink), at[0], *(back[1] / shrink), at[1]]
    wide, found = tuple(int(x) for x in high - low), []
    for one in (piece.image, piece.cover, piece.facial):
        small = one.reduce(shrink) if shrink > 1 else one
        found.append(small.transform(wide, Image.AFFINE, rows, Image.BILINEAR))
    return *found, tuple(int(x) for x in low)


def _distract(rng, canvas, owner, heads: rendered.Heads) -> None:
    """Pastes something that has a face's colours or parts, and is none."""
    side = np.exp(rng.uniform(np.log(10), np.log(120)))
    which = rng.uniform()
    if which < 0.3:
        _paste(rng, canvas, owner, _head(rng, heads, seen=False), side, 0)
        return
    piece = _head(rng, heads, seen=True)
    if which < 0.55:
        piece = piece._replace(image=_disordered(rng, piece))
    elif which < 0.75:
        piece = piece._replace(image=_blank(rng, piece))
    else:
        piece, side = _part(rng, piece), side * 0.7
    _paste(rng, canvas, owner, piece, side, 0)


def _disordered(rng, piece: _Piece) -> Image.Image:
    """A head, pieces of its face in another order."""
    image = piece.image.copy()
    left, top, right, bottom = plane.box(piece.points).astype(int)
    cells = rng.randint(2, 4)
    xs, ys = (
        np.linspace(a, b, cells + 1).astype(int)
        for a, b in ((left, right), (top, bottom))
    )
    order = np.roll(rng.permutation(cells * cells), 1)
    if (order == np.arange(cells * cells)).mean() > 0.3:
        order = order[::-1]
    wide, high = xs[1] - xs[0], ys[1] - ys[0]
    for to, come in enumerate(order):
        x, y = xs[come % cells], ys[come // cells]
        part = piece.image.crop((x, y, x + wide, y + high))
        image.paste(part, (int(xs[to % cells]), int(ys[to // cells])))
    return image


def _blank(rng, piece: _Piece) -> Image.Image:
    """A head whose face has no features."""
    inner = piece.facial.filter(ImageFilter.GaussianBlur(2))
    flat = piece.image.filter(ImageFilter.GaussianBlur(rng.uniform(13, 20)))
    return Image.composite(flat, piece.image, inner)


def _part(rng, piece: _Piece) -> _Piece:
    """Something of a head or its clothes, far too near to be a face."""
    box = plane.box(piece.points)
    wide = (box[2] - box[0]) * rng.uniform(0.15, 0.5)
    high = wide * np.exp(rng.normal(0, 0.4))
    if rng.uniform() < 0.5:  # of the face
        x, y = rng.uniform(box[:2], box[2:])
    else:
        x, y = rng.uniform(0, rendered.SIZE, 2)
    edge = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]
    cover = Image.new("L", piece.image.size, 0)
    cover.paste(255, [int(e) for e in edge])
    if rng.uniform() < 0.5:
        cover = cover.filter(ImageFilter.GaussianBlur(float(wide) / 6))
    corners = np.array([edge[:2], edge[2:]])
    return piece._replace(cover=cover, points=corners)
