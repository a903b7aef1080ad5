"""FaceKit's official folder to the compact head that the project ships.

What the file holds (v vertices, t triangles; the left half mirrors the right):

    vertices         [v 3] float32   neutral mean head, cm; y up, z to the viewer
    triangles        [t 3] int16     counter-clockwise from outside
    uv               [t 3 2] float32 per corner; the face chart spans 0 to 1
    chart            [v 2] float32   the same per vertex of the face; -1 elsewhere
    part             [t] int8        into part_names
    mirror           [v] int16       the vertex on the other side
    source           [v] int16       FaceKit's own vertex number; -1: an eye's centre
    ibug68           [68] int16      vertices of the official 68 points
    eye_centres      [2] int16       vertices (in no triangle): right eye, left eye
    identity         [i v 3] int16   times identity_step: cm per standard deviation
    expression       [e v 3] int16   times expression_step: cm at full expression
    part_names, expression_names     str

Right and left are the subject's own: the right eye has x < 0.

Source: Li et al., "Learning Formation of Physically-Based Face Attributes",
    CVPR 2020; github.com/ICT-VGL/ICT-FaceKit, MIT licence.
"""

import dataclasses
import json

import numpy as np

from lmkjax.errors import UserError
from lmkjax.face.shape import head as heads
from lmkjax.studio.facekit import decimate, official

PARTS = {  # name: (material's start, first and last vertex, triangles to keep)
    "face": ("M_Face", 0, 9408, 5200),
    "head": ("M_BackHead", 0, 11247, 500),
    "socket": ("M_BackHead", 11248, 13293, 300),
    "gums": ("M_GumsTongue", 14062, 17038, 600),
    "teeth": ("M_Teeth", 17039, 21450, 1100),
    "eyes": ("M_Sclera", 0, 26718, 600),
}
BEHIND_CM = 0.3  # the teeth go so far back: in laughs a canine came through the lip
STEP_CM = {"identity": 2e-4, "expression": 5e-4}
POSES = ("jawOpen", "mouthPucker", "eyeBlink_L", "eyeBlink_R", "mouthSmile_R")
FINE = (*range(31, 68),)  # iBug points around which triangles stay small


def compact(
    source: official.Source, kept: np.ndarray, *, modes: int
) -> dict[str, np.ndarray]:
    """The arrays of the compact head.

    Args:
        source: the whole head.
        kept: official vertex numbers that must survive.
        modes: identity modes to keep, the strongest first.

    Returns:
        What the module's docstring lists.
    """
    kept = np.unique(np.concatenate([kept, source.ibug68]))
    kept = kept[source.vertices[kept, 0] <= 0]
    triangles, uv, part = [], [], []
    for number, name in enumerate(PARTS):
        corners, places = _half(source, name, kept)
        triangles.append(corners)
        uv.append(places)
        part.append(np.full(len(corners), number, np.int8))
    triangles, uv = np.concatenate(triangles), np.concatenate(uv)
    part = np.concatenate(part)

    right = np.unique(triangles)
    middle = np.abs(source.vertices[right, 0]) < 1e-4
    left = _opposite(source, right[~middle])
    number = np.full(len(source.vertices), -1)
    number[right] = np.arange(len(right))
    partner = np.arange(len(right))
    partner[~middle] = len(right) + np.arange(len(left))
    mirror = np.concatenate([partner, np.flatnonzero(~middle)])
    triangles = number[triangles]
    triangles = np.concatenate([triangles, mirror[triangles][:, ::-1]])
    flipped = uv[:, ::-1] * [-1, 1]
    flipped[..., 0] += 2 * np.floor(uv[:, ::-1, 0]) + 1  # within its own unit square
    uv = np.concatenate([uv, flipped]).astype(np.float32)
    part = np.concatenate([part, part])
    ids = np.concatenate([right, left])
    return _pack(source, ids, triangles, uv, part, mirror, modes)


def _half(source, name, kept):
    """One part's right half, simplified: official vertex numbers and their uv."""
    material, first, last, count = PARTS[name]
    chosen = np.char.startswith(source.material, material)
    top = source.polygons.max(1)
    chosen &= (top >= first) & (top <= last)
    xs = np.where(
        source.polygons >= 0, source.vertices[source.polygons, 0], -np.inf
    ).max(1)
    polygons = source.polygons[chosen & (xs < 1e-4)]
    places = source.polygon_uv[chosen & (xs < 1e-4)]
    corners = [(0, 1, 2), (0, 2, 3)]
    triangles = np.concatenate([polygons[:, c] for c in corners])
    wedges = np.concatenate([places[:, c] for c in corners])
    real = (triangles >= 0).all(1)
    triangles, wedges = triangles[real], wedges[real]

    ids, local = np.unique(triangles, return_inverse=True)
    poses = [source.vertices[ids]] + [
        source.vertices[ids] + source.expression[n][ids]
        for n in POSES
        if n in source.expression and name != "eyes"
    ]
    mesh = decimate.Decimator(
        np.array(poses, np.float64),
        local.reshape(-1, 3),
        wedges,
        _weights(source, ids),
        np.isin(ids, kept),
        [],
    )
    mesh.reduce(count // 2)
    real = mesh.triangles[:, 0] >= 0
    return ids[mesh.triangles[real]], source.uv[mesh.wedges[real]]


def _weights(source, ids):
    """How much an error matters at each vertex: most around eyes, nose and mouth."""
    place = source.vertices[ids]
    points = source.vertices[source.ibug68[list(FINE)]]
    near = ((place[:, None] - points) ** 2).sum(-1).min(1)
    weights = 1 + 12 * np.exp(-near / 0.8**2)
    outside = (np.abs(place[:, 0]) > 7.3) | (place[:, 1] < -9)
    return np.where(outside, 0.4, weights)


def _opposite(source, ids):
    """The official vertices that mirror `ids`; lips that touch are told apart."""
    modes = [source.vertices, *source.identity[:2]]
    modes += [source.expression[n] for n in ("jawOpen",) if n in source.expression]
    trait = np.concatenate(modes, 1)
    sides = np.flatnonzero(source.vertices[:, 0] > 1e-4)
    wanted = trait[ids] * np.tile([-1, 1, 1], len(modes))
    found = [((trait[sides] - w) ** 2).sum(1).argmin() for w in wanted]
    return sides[found]


def _pack(source, ids, triangles, uv, part, mirror, modes):
    eyes = [np.unique(triangles[part == list(PARTS).index("eyes")])]
    x = source.vertices[ids[eyes[0]], 0]
    eyes = [eyes[0][x < 0], eyes[0][x > 0]]
    centres = len(ids) + np.arange(2)

    def gather(mode):
        mode = mode[ids]
        return np.concatenate([mode, [mode[eye].mean(0) for eye in eyes]])

    vertices = gather(source.vertices)
    vertices[centres] = [_ball(vertices[eye]) for eye in eyes]
    inside = np.isin(part, [list(PARTS).index(name) for name in ("gums", "teeth")])
    vertices[np.unique(triangles[inside]), 2] -= BEHIND_CM
    mirror = np.concatenate([mirror, centres[::-1]])
    names = list(source.expression)
    expression = np.array([gather(m) for m in source.expression.values()])
    # The official shapes leave the eyeballs but for a few stray vertices.
    expression[:, np.concatenate([*eyes, centres])] = 0
    identity = np.array([gather(m) for m in source.identity[:modes]])
    # The makers' halves differ by up to half a millimetre; ours are mirror images.
    vertices = (vertices + _flip(vertices, mirror)) / 2
    partners = [names.index(heads.opposite(n)) for n in names]
    expression = (expression + _flip(expression[partners], mirror)) / 2
    other = _flip(identity, mirror)  # some modes are the lopsided ones
    sign = np.sign((identity * other).sum((1, 2), keepdims=True))
    identity = (identity + sign * other) / 2
    chart = np.full((len(vertices), 2), -1, np.float32)
    chart[triangles[part == 0]] = uv[part == 0]
    return {
        "vertices": vertices.astype(np.float32),
        "triangles": triangles.astype(np.int16),
        "uv": uv,
        "chart": chart,
        "part": part,
        "part_names": np.array(list(PARTS)),
        "mirror": mirror.astype(np.int16),
        "source": np.concatenate([ids, [-1, -1]]).astype(np.int16),
        "ibug68": np.array([np.flatnonzero(ids == v)[0] for v in source.ibug68], "i2"),
        "eye_centres": centres.astype(np.int16),
        "identity": np.round(identity / STEP_CM["identity"]).astype(np.int16),
        "identity_step": np.float32(STEP_CM["identity"]),
        "expression": np.round(expression / STEP_CM["expression"]).astype(np.int16),
        "expression_step": np.float32(STEP_CM["expression"]),
        "expression_names": np.array(names),
    }


def _flip(places, mirror):
    return places[..., mirror, :] * [-1, 1, 1]


def _ball(points):
    """The centre of the sphere through `points`."""
    rows = np.concatenate([2 * points, np.ones((len(points), 1))], 1)
    return np.linalg.lstsq(rows, (points**2).sum(1), rcond=None)[0][:3]


def shapes_of(source: official.Source, *, modes: int, partial: bool) -> official.Source:
    """The source, if it has all shapes that are wanted.

    Args:
        source: the head as it was read.
        modes: of identity that are to be kept.
        partial: make do with what there is; of the one-sided expressions those stay
            of which the other side is there too.

    Raises:
        UserError: it has too few, and `partial` is not set.
    """
    shapes = source.expression
    if partial:
        paired = {n: s for n, s in shapes.items() if heads.opposite(n) in shapes}
        return dataclasses.replace(source, expression=paired)
    if len(shapes) < 53 or len(source.identity) < modes:
        raise UserError(
            f"Wanted 53 expressions and {modes} identity modes; there are"
            f" {len(shapes)} and {len(source.identity)}. --partial makes do."
        )
    return source


def named_vertices() -> np.ndarray:
    """FaceKit's numbers of the vertices that the named curves run through."""
    named = json.loads((heads.ASSETS / "curves.json").read_text())["vertices"]
    return np.concatenate(list(named.values()))


def variance_kept(
    source: official.Source, head: dict[str, np.ndarray], *, modes: int
) -> float:
    """The share of the face's variance that the first modes hold.

    Args:
        source: all modes.
        head: what `compact` made.
        modes: how many are kept.
    """
    ids = head["source"][head["triangles"][head["part"] == 0]]
    energy = (source.identity[:, np.unique(ids)].astype(float) ** 2).sum((1, 2))
    return energy[:modes].sum() / energy.sum()
