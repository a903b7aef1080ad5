"""A scheme as a page to turn and hover over: one HTML file that needs nothing else.

On it one clicks points of one's own; they go into a YAML file that is a scheme.
"""

import json
import pathlib
from html import escape

import numpy as np
from plotly import graph_objects

from lmkjax.face.optics import raster
from lmkjax.face.shape import atlas, marks
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import schemes, vocabulary

SKIN = {"face": "#d9b49c", "head": "#c9a58e", "eyes": "#f4f0ea", "teeth": "#e9e2d0"}
INSIDE = "#7a3b36"  # of the mouth
REGIONS = {
    "jaw": "#1f77b4",
    "brows": "#8c564b",
    "nose": "#2ca02c",
    "eyes": "#17202a",
    "lips": "#d62728",
    "cheeks": "#9467bd",
    "forehead": "#e67e00",
    "ears": "#0d8f8f",
    schemes.POINTS: "#000000",
}
NECK_CM = 4.0
"""How much of the neck is shown below the lowest landmark."""
LIFT_CM = 0.1
"""How far points stand out from the skin, so that it does not hide them."""


def html(scheme: schemes.Scheme) -> str:
    """The page: the head, each curve's points and edges, and what each point is.

    Args:
        scheme: which landmarks; those of the visible contour stand on the fixed jaw.
    """
    head = heads.load()
    places = _places(scheme, head)
    texts = tell(scheme)
    figure = graph_objects.Figure()
    for name in head.part_names:
        figure.add_trace(_part(head, name, places))
    for name, count in scheme.curves:
        start = scheme.starts[name]
        own = np.arange(start, start + count)
        figure.add_trace(_curve(name, places, own, texts))
    if scheme.points:
        own = np.arange(scheme.count - len(scheme.points), scheme.count)
        figure.add_trace(_curve(schemes.POINTS, places, own, texts))
    hidden = dict.fromkeys(("xaxis", "yaxis", "zaxis"), {"visible": False})
    figure.update_layout(
        title={"text": f"{_plain(scheme.name)}: {scheme.count} landmarks"},
        scene={
            **hidden,
            "aspectmode": "data",
            "camera": {
                "up": {"x": 0, "y": 1, "z": 0},
                "eye": {"x": 0.35, "y": 0.1, "z": 1.45},
            },
        },
        legend={"title": {"text": "click: hide; twice: alone"}},
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        hoverlabel={"align": "left"},
    )
    return figure.to_html(
        include_plotlyjs=True,
        full_html=True,
        default_height="94vh",
        div_id="scheme",
        post_script=_clicked(scheme),
        config={"displaylogo": False, "responsive": True, "scrollZoom": True},
    )


def _clicked(scheme):
    """The script that takes clicks, and what it is to know."""
    told = {
        "name": scheme.name,
        "curves": scheme.curves,
        "points": scheme.points,
        "names": sorted(vocabulary.CURVES),
        "known": sorted(schemes.SCHEMES),
        "parts": atlas.SOLID,
        "lift": LIFT_CM,
    }
    script = pathlib.Path(__file__).with_name("clicks.js").read_text("utf-8")
    # No name may end the script that it stands in.
    text = json.dumps(told).replace("<", "\\u003c")
    return f'{script}\nclicks.start(document.getElementById("scheme"), {text});'


def tell(scheme: schemes.Scheme) -> list[str]:
    """What is to be known of each landmark: curve, number, mirror, iBug's number."""
    ibug = {}
    for name, count in scheme.curves:
        curve = vocabulary.CURVES[name]
        if vocabulary.passes_knots(name, count):
            gaps = len(curve.ibug) - (not curve.closed)
            step = (count - (not curve.closed)) // gaps
            for i, number in enumerate(curve.ibug):
                ibug[scheme.starts[name] + i * step] = number
    texts, first = [], scheme.count - len(scheme.points)
    for number, name in enumerate(scheme.names):
        if number >= first:
            partner = "none" if name in scheme.lone else scheme.mirror[number]
            texts.append(f"<b>{number}</b>: {_plain(name)}<br>mirror: {partner}")
            continue
        lines = [f"<b>{number}</b>: {name}, {number - scheme.starts[name]}"]
        lines.append(f"mirror: {scheme.mirror[number]}")
        if number in ibug:
            lines.append(f"iBug 68: {ibug[number]}")
        if vocabulary.CURVES[name].visible:
            lines.append("in pictures on the outline that is seen")
        texts.append("<br>".join(lines))
    return texts


def _plain(name: str) -> str:
    """A person's own name for Plotly, which knows few of HTML's words: no `&quot;`."""
    return escape(name, quote=False)


def _places(scheme, head):
    """Where the landmarks are, a little above the skin."""
    at = marks.anchors(scheme, head)
    normals = raster.normals(head.neutral, head.triangles)
    lifted = head.neutral + np.float32(LIFT_CM) * normals
    return at.of(lifted)


def _part(head, name, landmarks):
    triangles = head.triangles[head.part == heads.number(head, name)]
    neck = landmarks[:, 1].min() - NECK_CM
    triangles = triangles[(head.neutral[triangles, 1] > neck).all(1)]
    ids, corners = np.unique(triangles, return_inverse=True)
    x, y, z = np.asarray(head.neutral, np.float32)[ids].T.round(3)
    i, j, k = corners.reshape(-1, 3).T
    return graph_objects.Mesh3d(
        x=x,
        y=y,
        z=z,
        i=i,
        j=j,
        k=k,
        color=SKIN[name] if name in SKIN else INSIDE,
        hoverinfo="skip",
        name=name,
        lighting={"ambient": 0.6, "diffuse": 0.7, "specular": 0.05, "roughness": 0.9},
        lightposition={"x": 4000, "y": 9000, "z": 8000},
    )


def _curve(name, places, own, texts):
    """A curve's points, whose edges are the line through them; or the single points."""
    single = vocabulary.Curve(schemes.POINTS, area=True)
    curve = single if name == schemes.POINTS else vocabulary.CURVES[name]
    drawn = np.append(own, own[:1]) if curve.closed else own
    x, y, z = places[drawn].T.round(3)
    colour = REGIONS[curve.region]
    return graph_objects.Scatter3d(
        x=x,
        y=y,
        z=z,
        mode="markers" if curve.area else "lines+markers",
        marker={"size": 2.5, "color": colour},
        line={"width": 2, "color": colour},
        name=name,
        legendgroup=curve.region,
        text=[texts[number] for number in drawn],
        hovertemplate="%{text}<extra></extra>",
    )
