"""The report of the reproduction: from the runs' figures to Markdown and a page."""

import pathlib
import shutil
from collections.abc import Iterator

from lmkjax import files
from lmkjax.reproduction import documents, graphs, markup
from lmkjax.reproduction.figures import SETS, STAND_IN, Figures, Found
from lmkjax.reproduction.markup import Block, Heading, Picture, Points, Table, Text
from lmkjax.reproduction.rows import LABELS, PARTS, PRETRAINING
from lmkjax.reproduction.runs import REPORT, RUNS, Place, Run

TITLE = "Both documents, reproduced"
NAME = "report"
DRAWN = ("faces_synthetic.png", "faces_stand_in.png")
"""Of a run's report, faces with their points that are drawn faces."""
PHOTOS = ("faces_common.png", "faces_challenging.png")


def write(found: Found, *, photos: bool) -> list[pathlib.Path]:
    """Writes the report as Markdown, beside its pictures, and as one HTML page.

    Args:
        found: what it is made of.
        photos: also show photos with their points, where there are any.

    Returns:
        Both files.
    """
    parts = list(_blocks(found, photos=photos))
    markdown, page = (found.out / f"{NAME}.{end}" for end in ("md", "html"))
    files.write(markdown, markup.markdown(parts, found.out))
    files.write(page, markup.page(TITLE, parts))
    return [markdown, page]


def _blocks(found: Found, *, photos: bool) -> Iterator[Block]:
    tables = {place.table for place in found.places}
    yield Heading(TITLE, 1)
    yield from _head(found)
    yield _saw(found)
    if "A" in tables:
        yield from documents.document_a(found)
    if tables & {"B", "Table 2"}:
        yield from documents.document_b(found)
    if "points" in tables:
        yield from documents.points(found)
    yield from documents.gap(found)
    yield from _training(found)
    yield from _faces(found, photos=photos)
    yield from _missing(found)
    yield Heading("Every run by hand")
    commands = [run.command(found.out, found.size) for run in found.runs]
    yield markup.Code(commands or ["# none is planned"])


def _head(found: Found) -> Iterator[Block]:
    """Where the figures come from."""
    over, planned = found.over, [run.name for run in found.runs]
    done = len([name for name in planned if name in over])
    lines = [*found.about, f"{done} of {len(planned)} planned runs are over."]
    for what, title in (("hardware", "Machines"), ("commit", "Commits")):
        told = dict.fromkeys(one.about[what] for one in over.values())
        lines += [f"{title}: {'; '.join(told)}."] if told else []
    hours = sum(one.seconds for one in over.values()) / 3600
    least = "" if all(one.whole for one in over.values()) else "at least "
    lines.append(
        f"The runs that are over took {least}{hours:.1f} hours, measuring included."
    )
    yield Points(lines)
    if found.main == STAND_IN and over:
        yield Text(
            "There were no photos: the real faces here are a rendered stand-in, and"
            " the figures say nothing of real ones."
        )
    if found.size == "tiny":
        yield Text("Size tiny shows that every row runs; its figures mean nothing.")


def _saw(found: Found) -> Table:
    """What each row begins with, sees, and for how long."""
    runs = {run.name: run for run in found.runs}
    runs |= {name: one.run for name, one in found.figures.items()}
    rows: dict[tuple, list[Run]] = {}
    for run in runs.values():
        told = "; ".join(sorted({f"{p.table}: {LABELS[p.row]}" for p in run.places}))
        told = "the pretraining" if run.name == PRETRAINING else told or "for others"
        begins = run.begins
        if begins.startswith("points-"):
            begins = "synthetic only of its own column"
        rows.setdefault((told, begins, run.sees, run.steps), []).append(run)
    cells = [
        [
            told,
            begins,
            sees,
            f"{steps:,}",
            str(own[0].fields["train.batch"]) if steps else documents.GAP,
            f"{len([run for run in own if run.name in found.over])} of {len(own)}",
        ]
        for (told, begins, sees, steps), own in rows.items()
    ]
    columns = ["row", "begins with", "trains on", "steps", "faces a step", "runs over"]
    return Table("What each row saw, and how long", columns, cells, texts=3)


def _first(found: Found, row: str) -> Figures | None:
    """The first seed of a row of document A."""
    own = [one for one in found.over.values() if Place("A", row) in one.run.places]
    return min(own, key=lambda one: one.run.seed, default=None)


def _training(found: Found) -> Iterator[Block]:
    """Held-out faces while the rows of document A train."""
    curves = {}
    if pretraining := found.over.get(PRETRAINING):
        curves["the pretraining"] = pretraining.curve
    for row in PARTS["A"]:
        if one := _first(found, row):
            curves[LABELS[row]] = one.curve
    curves = {name: curve for name, curve in curves.items() if curve}
    if not curves:
        return
    file = found.out / documents.PICTURES / "training.png"
    graphs.training(file, curves)
    yield Heading("While training")
    yield Picture(
        file, "Held-out real faces over the steps; the first seed of each row"
    )
    best = {
        name: min(curve, key=lambda look: look[1]) for name, curve in curves.items()
    }
    cells = [
        [name, f"{best[name][1]:.2f}", f"{best[name][0]:,}", f"{curve[-1][1]:.2f}"]
        for name, curve in curves.items()
    ]
    columns = ["row", "best", "at step", "last"]
    yield Table("Held-out real faces, ocular NME as they come", columns, cells)


def _faces(found: Found, *, photos: bool) -> Iterator[Block]:
    """Faces with their points: drawn ones; photos only where they are asked for."""
    shown = []
    for row in PARTS["A"]:
        one = _first(found, row)
        for name in (*DRAWN, *(PHOTOS if photos else ())) if one else ():
            there = found.out / RUNS / one.run.name / REPORT / name
            if there.is_file():
                own = found.out / documents.PICTURES / f"{row}_{name}"
                own.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(there, own)
                what = name.removeprefix("faces_").removesuffix(".png")
                shown.append(Picture(own, f"{LABELS[row]}: {what.replace('_', '-')}"))
    own = {picture.file for picture in shown}
    for stale in (found.out / documents.PICTURES).glob("*_faces_*.png"):
        if stale not in own:  # no photo stays that is not shown
            stale.unlink()
    if shown:
        yield Heading("Faces with their points")
        yield from shown


def _missing(found: Found) -> Iterator[Block]:
    """What was left out, failed, or is not over; which test sets are not here."""
    lines = list(found.notes)
    failed = [one for one in found.figures.values() if one.failed]
    lines += [f"`{one.run.name}` failed: {one.failed}" for one in failed]
    there = {*found.over, *(one.run.name for one in failed)}
    if left := [run.name for run in found.runs if run.name not in there]:
        names = ", ".join(f"`{name}`" for name in left[:20])
        more = f" and {len(left) - 20} more" * (len(left) > 20)
        lines.append(f"Not over: {names}{more}.")
    if absent := [n for n in SETS if n not in found.sets]:
        why = "there are no photos" if found.main == STAND_IN else "not in this copy"
        lines.append(f"Test sets that were not measured ({why}): {', '.join(absent)}.")
    if lines:
        yield Heading("What is missing")
        yield Points(lines)
