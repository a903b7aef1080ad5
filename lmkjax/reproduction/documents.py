"""The documents' tables and figures out of the runs' figures, as blocks of a report."""

import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from lmkjax.reproduction import figures, graphs
from lmkjax.reproduction.figures import Figures, Found, Spread
from lmkjax.reproduction.markup import Block, Heading, Picture, Points, Table, Text
from lmkjax.reproduction.rows import ALL, LABELS, PARTS
from lmkjax.reproduction.runs import Place

PICTURES = "pictures"
WAYS = ("direct", "subset", "adapted", "transfer")
GAP = "–"
"""In place of a figure that is not there."""
OWN_WAY = {"model_adaptation": "adapted", "best": "transfer"}
"""How a row of Figure 4 answers with 68 points, where not as they come."""
FIGURE_4 = tuple(row for row in PARTS["B"] if row not in ("renders", "face_synthetics"))


@functools.cache
def published() -> Mapping[str, Any]:
    """What others report: `published.yaml`."""
    file = pathlib.Path(__file__).with_name("published.yaml")
    return yaml.safe_load(file.read_text())


def document_a(found: Found) -> Iterator[Block]:
    """Document A: every way of training on every test set."""
    yield Heading("Document A")
    yield Text(
        "Every row but real only begins with the same pretraining; synthetic only goes"
        " on with it for as many steps as the others. subset: the 68 of the network's"
        " points that are named alike, as they come; adapted: those"
        " through an adapter fitted on all labelled real train faces after training;"
        " transfer: the label transfer's own output; direct: the network speaks these"
        " points. NME in % of the distance between the outer corners of the eyes"
        " (ocular), between the pupils, or of the face's box; mean ± standard"
        " deviation over seeds."
    )
    for name in found.sets:
        cells = []
        for row in PARTS["A"]:
            own = _lines(found.at("A", row), name, LABELS[row])
            if not own and Place("A", row) in found.places:
                own = [[LABELS[row]] + [GAP] * (len(_columns(found)) - 1)]
            cells += own
        yield Table(f"Document A: {name}", _columns(found), cells, texts=2)
    known = published()["document_a"]
    columns = ["published by Synthesis AI", "synthetic test", "common, subset"]
    columns += ["challenging, subset", "common, adapted", "challenging, adapted"]
    rows = [
        [LABELS[row], *(GAP if x is None else f"{x}" for x in errors)]
        for row, errors in known.items()
    ]
    yield Table(
        "Document A as published (another network, other renders)", columns, rows
    )
    yield from _orders(found, known)


def _columns(found: Found) -> list[str]:
    """Of a table of one test set; the threshold stands in its metrics' names."""
    row = next(row for one in found.over.values() for row in one.rows)
    metrics = [name for name in row if name.startswith(("auc_", "fr_"))]
    return ["row", "labels", "ocular", "pupil", "box", *metrics, "points", "seeds"]


def _lines(own: Sequence[Figures], test_set: str, label: str) -> list[list[str]]:
    """The lines of one row in the table of one test set."""
    lines = []
    for way in WAYS:
        told = functools.partial(figures.value, own, test_set, way)
        ocular = told()
        if ocular is None:
            continue
        nmes = [ocular, told(normaliser="pupil"), told(normaliser="box")]
        rates = [told(metric="auc"), told(metric="fr")]
        points = max(
            row["points"]
            for one in own
            for row in one.rows
            if (row["test_set"], row["labels"]) == (test_set, way)
        )
        lines.append(
            [label, way, *map(_text, nmes), *(_text(r, digits=3) for r in rates)]
            + [str(points), str(ocular.seeds)]
        )
    return lines


def _text(one: Spread | None, *, digits: int = 2) -> str:
    return GAP if one is None else one.text(digits)


def _orders(found: Found, known: Mapping[str, Sequence]) -> Iterator[Block]:
    """Where our rows lie in another order than the document's."""
    ours, theirs = {}, {}
    for row, errors in known.items():
        way = "direct" if row == "real_only" else "adapted"
        one = figures.value(found.at("A", row), found.main, way)
        if one is not None:
            ours[row] = one.mean
            theirs[row] = errors[1 if way == "direct" else 3]
    if len(ours) < 2:
        return
    orders = [
        " < ".join(LABELS[row] for row in sorted(of, key=of.get))
        for of in (theirs, ours)
    ]
    same = "The same order" if orders[0] == orders[1] else "Another order"
    yield Text(
        f"{same} on {found.main}, adapted (real only: direct). The document:"
        f" {orders[0]}. Here: {orders[1]}."
    )


def document_b(found: Found) -> Iterator[Block]:
    """Document B: Table 2 and Figure 4, with published results for few labels."""
    yield Heading("Document B")
    yield from _table_2(found)
    lines = figure_4_lines(found)
    if lines:
        yield from _figure_4(found, lines)


def _table_2(found: Found) -> Iterator[Block]:
    """Synthetic faces alone, by how many there are."""
    cells, drawn = [], {}
    for row in ("renders", "face_synthetics"):
        for n in found.numbers("Table 2"):
            own = found.at("Table 2", row, n)
            if not own:
                continue
            errors = [figures.value(own, found.main, way) for way in WAYS[1:3]]
            cells.append([LABELS[row], _count(own, n), *map(_text, errors)])
            for way, error in zip(WAYS[1:3], errors, strict=True):
                if error and row == "renders":
                    count = own[0].run.fields["data.source_faces"]
                    count = count or own[0].run.fields["data.faces"]
                    drawn.setdefault(f"{LABELS[row]}, {way}", []).append(
                        (count, error.mean)
                    )
    real = figures.value(found.at("B", "real_only", ALL), found.main, "direct")
    if not cells and real is None:
        return
    cells.append([f"real only, {found.there} faces (direct)", "", GAP, _text(real)])
    columns = ["trained on", "faces", "subset, ocular", "adapted, ocular"]
    yield Table(f"Table 2, on {found.main}", columns, cells)
    yield Table(
        "Table 2 as published by Datagen, on common",
        ["trained on", "faces", "by", "NME"],
        [[str(cell) for cell in row] for row in published()["table_2"]],
    )
    drawn = {name: sorted(points) for name, points in drawn.items()}
    for name, points in drawn.items():
        law = graphs.power_law(points)
        yield Text(f"{name}: error = {law.text}." if law else f"{name}: no law fits.")
    if drawn:
        file = found.out / PICTURES / "renders.png"
        graphs.renders(file, drawn, label=f"ocular NME on {found.main}, %")
        yield Picture(file, f"Errors on {found.main} by the number of rendered faces")


def _count(own: Sequence[Figures], n: str) -> str:
    ours = own[0].run.fields.get("data.source") is None
    count = own[0].run.fields["data.faces"] if n == ALL and ours else n
    return ALL if count == ALL else f"{int(count):,}"


def figure_4_lines(found: Found) -> dict[str, graphs.Line]:
    """The errors of each row over N_real, by the row's key."""
    lines = {}
    for row in FIGURE_4:
        told = [
            (found.faces(n), _b(found, row, n, found.main)) for n in found.numbers("B")
        ]
        if line := [(n, error) for n, error in told if error is not None]:
            lines[row] = sorted(line, key=lambda point: point[0])
    return lines


def _figure_4(found: Found, lines: Mapping[str, graphs.Line]) -> Iterator[Block]:
    others = {}
    if found.main == "common":
        for name, sets in published()["few_labels"].items():
            for test_set, errors in sets.items():
                if test_set == "common":
                    others[name] = sorted(errors.items())
    file = found.out / PICTURES / "figure_4.png"
    graphs.figure_4(
        file,
        {LABELS[row]: line for row, line in lines.items()},
        real=LABELS["real_only"],
        tuned=LABELS["fine_tuning"],
        label=f"ocular NME on {found.main}, %",
        published=others,
    )
    yield Picture(file, f"Figure 4 with its parts A, B, C, on {found.main}")
    numbers = found.numbers("B")
    columns = ["row", *(str(found.faces(n)) for n in numbers)]
    for test_set in [name for name in found.sets if name != "synthetic"]:
        cells = [
            [LABELS[row]] + [_text(_b(found, row, n, test_set)) for n in numbers]
            for row in FIGURE_4
            if {Place("B", row, n) for n in numbers} & found.places
        ]
        yield Table(
            f"Figure 4 in numbers: ocular NME on {test_set} over labelled real faces",
            columns,
            cells,
        )
    yield _few_labels()
    yield Points([*_claims(lines), *_beside(lines, others)])


def _b(found: Found, row: str, n: str, test_set: str) -> Spread | None:
    way = OWN_WAY.get(row, "direct")
    return figures.value(found.at("B", row, n), test_set, way)


def _few_labels() -> Table:
    """Others' results with few labels, labelled as theirs."""
    told = published()["few_labels"]
    counts = sorted({n for sets in told.values() for of in sets.values() for n in of})
    cells = [
        [
            f"{name}: {test_set}",
            *(f"{errors[n]:.2f}" if n in errors else GAP for n in counts),
        ]
        for name, sets in told.items()
        for test_set, errors in sets.items()
    ]
    columns = ["published, with unlabelled photos", *map(str, counts)]
    return Table("Few labels as published, on 300-W", columns, cells)


def _beside(lines: Mapping[str, graphs.Line], others: Mapping) -> Iterator[str]:
    """The best of our rows beside each published result with as many labels."""
    for name, errors in others.items():
        ours = [dict(line) for line in lines.values()]
        both = [
            (n, [o[n].mean for o in ours if n in o], theirs) for n, theirs in errors
        ]
        told = [f"{n}: {min(own):.2f} ({e:.2f})" for n, own, e in both if own]
        if told:
            yield f"Our best, and {name} in brackets: {', '.join(told)}."


def _claims(lines: Mapping[str, graphs.Line]) -> Iterator[str]:
    """What the document concludes from its parts A, B, C, and what is so here."""
    told = {
        name: f"Figure 4{name}: {text}." for name, text in published()["claims"].items()
    }
    real, tuned = lines.get("real_only") or [], lines.get("fine_tuning") or []
    if not (real and tuned):
        return
    n, error = next(((n, e) for n, e in tuned if n >= graphs.DOCUMENTS), tuned[0])
    equal = graphs.worth(real, error.mean)
    where = (
        f"as good as real only with about {equal:.0f}"
        if equal
        else (
            "better than real only at every number"
            if error.mean < min(e.mean for _, e in real)
            else "at no number as good as real only"
        )
    )
    yield f"{told['A']} Here fine-tuning with {n} ({error.text()}) is {where}."
    own = dict(real)
    both = [row for row in lines if row.startswith(("mixing", "fine_tuning", "best"))]
    worse = [
        f"{LABELS[row]} at {m}"
        for row in both
        for m, e in lines[row]
        if m in own and e.mean >= own[m].mean
    ]
    yield f"{told['B']} Here: {'so' if not worse else 'not ' + ', '.join(worse)}."
    gaps = {m: own[m].mean - e.mean for m, e in tuned if m in own}
    if gaps:
        widest = max(gaps, key=gaps.get)
        every = ", ".join(f"{m}: {gap:.2f}" for m, gap in gaps.items())
        yield f"{told['C']} Here widest at {widest} ({every})."


def points(found: Found) -> Iterator[Block]:
    """How many points the network learns, against what learns on from it."""
    yield Heading("Number of points")
    yield Text(
        "Networks begun with nothing on labels of so many points; any: each face's"
        " places are drawn anew in each step. The 68 have the jaw on the head, as"
        " FaceSynthetics, the others also on the contour that is seen. The other"
        " rows learn on from the network of their column; one seed."
    )
    numbers = [n for n in found.numbers("points") if n != "any"] + ["any"]
    for test_set in [name for name in found.sets if name != "synthetic"]:
        cells = []
        for row in PARTS["points"]:
            before = len(cells)
            for way in WAYS:
                errors = [
                    figures.value(found.at("points", row, n), test_set, way)
                    for n in numbers
                ]
                if any(errors):
                    cells.append([f"{LABELS[row]}: {way}", *map(_text, errors)])
            planned = {Place("points", row, n) for n in numbers} & found.places
            if planned and len(cells) == before:
                cells.append([LABELS[row], *[GAP] * len(numbers)])
        if cells:
            title = f"Number of points: ocular NME on {test_set}"
            yield Table(title, ["row", *numbers], cells)


def gap(found: Found) -> Iterator[Block]:
    """Which part closes how much of the gap from synthetic only to real only."""
    begin = figures.value(found.at("A", "synthetic_only"), found.main, "subset")
    end = figures.value(found.at("A", "real_only"), found.main, "direct")
    if begin is None or end is None or begin.mean <= end.mean:
        return
    yield Heading("Which part closes how much of the gap")
    whole = begin.mean - end.mean
    yield Text(
        f"From synthetic only as it comes ({begin.text()} on {found.main}) to real only"
        f" ({end.text()}): 0 % is the former, 100 % the latter."
    )
    cells = []
    for row in PARTS["A"]:
        for way in WAYS:
            one = figures.value(found.at("A", row), found.main, way)
            if one is not None:
                cells.append([LABELS[row], way, "all", one])
    for row in FIGURE_4[1:]:
        for n in found.numbers("B"):
            one = _b(found, row, n, found.main)
            way = OWN_WAY.get(row, "direct")
            if one is not None:
                cells.append([LABELS[row], way, str(found.faces(n)), one])
    yield Table(
        f"Share of the gap that is closed, on {found.main}",
        ["row", "labels", "labelled real faces", "ocular", "closed"],
        [
            [*told, one.text(), f"{(begin.mean - one.mean) / whole:.0%}"]
            for *told, one in cells
        ],
    )
