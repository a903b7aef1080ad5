"""What is asked for becomes a list of runs, in the order in which to do them."""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence

from lmkjax import files
from lmkjax.data import builders, sources
from lmkjax.errors import UserError
from lmkjax.experiment import config_file
from lmkjax.reproduction import rows
from lmkjax.reproduction.rows import ALL, LABELS, PARTS, Listing, Request
from lmkjax.reproduction.runs import FIGURES, MEASURED, REPORT, RUNS, Place, Run

POINTS = {
    "68": "ibug68_surface",
    "243": "dense243",
    "490": "dense490",
    "1001": "dense1001",
    "any": "",
}
"""Numbers of points by their scheme; any: the places are drawn anew in each step."""
UNLABELLED = "renders; real faces without their labels"
LABELLED = "renders; real faces with 68 labels"

SETTINGS = "settings.json"
"""In the reproduction's folder: what all its runs have in common."""


def request(
    size: str,
    *,
    length: float,
    parts: Sequence[str],
    keys: Sequence[str],
    seeds: int | None,
    n_real: Sequence[int] | None,
    photos: pathlib.Path | None,
    face_synthetics: pathlib.Path | None,
    home: pathlib.Path,
) -> Request:
    """What a person asks for, held against the faces that there are.

    Args:
        size: "tiny", "laptop", "full".
        length: share of the size's steps.
        parts: of `PARTS`.
        keys: rows; empty = all.
        seeds: of a row at most; None = as the size has it.
        n_real: numbers of labelled faces; None = as the size has it.
        photos: 300-W's folder; None = the stand-in.
        face_synthetics: Microsoft's; None = without.
        home: where prepared datasets are kept.

    Raises:
        UserError: 300-W's folder is not as wanted, or a row is in no part asked for.
    """
    budget = rows.BUDGETS[size].lasting(length)
    known = dict.fromkeys(key for part in parts for key in PARTS[part])
    if strange := [key for key in keys if key not in known]:
        raise UserError(
            f"No row {strange} in {', '.join(parts)}; there are: {', '.join(known)}."
        )
    train, tests = budget.stand_in, [max(1, budget.test_faces // 2)]
    if photos:
        folder = builders.prepare("ibug_300w", data_dir=home, source=str(photos))
        there = sources.splits(folder)
        train = there.get("train") or 0
        tests = [n for name, n in there.items() if name != "train"]
        if not train:
            raise UserError(
                f"{photos}: wanted 300-W's train photos (afw, helen/trainset,"
                " lfpw/trainset) to train on; none are there."
            )
    held = min(budget.validation, train // 5)
    seen = 4 * max(tests, default=0) + 2 * sum(tests)  # by wrong boxes; calibration
    return Request(
        size=size,
        budget=dataclasses.replace(budget, validation=held),
        parts=tuple(parts),
        rows=tuple(keys),
        seeds=seeds or budget.seeds,
        n_real=budget.n_real if n_real is None else tuple(sorted(set(n_real))),
        there=train - held,
        measured=seen + 2 * held + 3 * budget.test_faces + train - held,
        photos=photos,
        face_synthetics=face_synthetics,
        home=home,
    )


def settle(request: Request, out: pathlib.Path) -> None:
    """Makes the reproduction's folder; where nothing has been run, anew.

    Raises:
        UserError: it is a file, holds something else, or runs of other settings.
    """
    budget = dataclasses.asdict(request.budget)
    for own in ("n_real", "renders", "seeds"):  # a table may grow
        del budget[own]
    told = {"size": request.size, "300-W": bool(request.photos), "train": request.there}
    told |= budget
    file = out / SETTINGS
    if any((out / name).is_dir() for name in (RUNS, FIGURES)) and file.is_file():
        before = files.read_json(file, what="settings of a reproduction")
        other = [name for name in told if before.get(name, None) != told[name]]
        if other:
            was = ", ".join(
                f"{n} {before.get(n, None)} there, {told[n]} here" for n in other
            )
            raise UserError(
                f"{out} holds a reproduction with other settings ({was}); choose"
                " another --out, or repeat the command that began it."
            )
        return
    ours = file.is_file() or not out.is_dir() or not any(out.iterdir())
    if out.is_file() or not ours:
        raise UserError(
            f"Wanted a new folder, or one of a reproduction, as --out; '{out}' holds"
            " something else."
        )
    out.mkdir(parents=True, exist_ok=True)
    files.write(file, json.dumps(told, indent=1) + "\n")


def plan(request: Request) -> Listing:
    """The runs that make what is requested.

    Of the first seed those of all tables come first, so that there is soon a report
    with few gaps.
    """
    found = Listing({}, [])
    if missing := [n for n in request.n_real if n > request.there]:
        told = ", ".join(map(str, missing))
        found.notes.append(
            f"N_real {told}: left out, there are {request.there} real train faces."
        )
    lists = {"A": _document_a, "B": _document_b, "points": _points}
    for seed in range(request.seeds):
        for part in request.parts:
            keys = [r for r in PARTS[part] if not request.rows or r in request.rows]
            lists[part](found, request, keys, seed)
    return found


def _document_a(found: Listing, request: Request, keys: list[str], seed: int) -> None:
    """Document A's table: all real faces, with labels or without."""
    form = {"terms.label_transfer.form": "places"}
    ways = {
        "label_transfer": ("label_transfer", {}, LABELLED),
        "learned_places": ("label_transfer", form, LABELLED),
        "discriminator": ("discriminator", {}, UNLABELLED),
        "daln_unsupervised": ("daln_unsupervised", {}, UNLABELLED),
        "daln": ("daln", {}, LABELLED),
        "mean_teacher": ("mean_teacher", {}, UNLABELLED),
        "pseudo_labels": ("pseudo_labels", {}, UNLABELLED),
    }
    for row in keys:
        place = Place("A", row)
        if row == "synthetic_only":
            rows.synthetic(found, request, seed, place)
            continue
        if row == "real_only":
            rows.real_only(found, request, seed, ALL, place)
            continue
        config, fields, sees = ways[row]
        if not (config_file.OURS / f"{config}.py").is_file():
            note = f"{LABELS[row]}: left out, there is no configs/{config}.py here."
            found.notes += [note] * (note not in found.notes)
            continue
        folders = dict(rows.pretraining(found, request))
        if row == "pseudo_labels":  # of the network that it goes on with
            folders["data.pseudo_labels"] = folders["train.init_from"]
        more = {"fields": fields, "folders": folders, "sees": sees}
        found.add(rows.row(request, row, config, seed, **more, places=(place,)))


def _document_b(found: Listing, request: Request, keys: list[str], seed: int) -> None:
    """Document B's Figure 4, over numbers of labelled real faces, and its Table 2."""
    numbers = [str(n) for n in request.n_real if n <= request.there] + [ALL]
    for n in numbers:
        few = n != ALL and int(n) <= rows.MANY
        if seed >= rows.SEEDS_OF_MANY and not few:
            continue
        for row in keys:
            if row in FIGURE_4:
                FIGURE_4[row](found, request, seed, n, Place("B", row, n))
    if seed == 0:
        _table_2(found, request, keys)


def _model_adaptation(found, request, seed: int, n: str, *places: Place) -> str:
    """The synthetic network, its adapter fitted on so many labelled faces."""
    return found.add(
        Run(
            f"model_adaptation-{rows.tag(n)}-seed{seed}",
            MEASURED,
            seed,
            0,
            {"data.target_faces": rows.count_of(n)},
            {"workdir": rows.synthetic(found, request, seed)},
            sees="renders; the adapter: real faces with 68 labels",
            begins=f"{rows.AFTER}, synthetic only",
            places=places,
        )
    )


def _data_adaptation(found, request, seed: int, n: str, place: Place) -> None:
    """Rendered faces alone, their labels rewritten by that adapter."""
    adapter = f"{_model_adaptation(found, request, seed, n)}/{REPORT}"
    found.add(
        rows.row(
            request,
            f"data_adaptation-{rows.tag(n)}",
            "data_adaptation",
            seed,
            folders=rows.pretraining(found, request) | {"data.adapter": adapter},
            sees="renders with adapted labels",
            places=(place,),
        )
    )


def _mixing(found, request, seed: int, n: str, place: Place, *, alpha: float) -> None:
    """Both in one batch, alpha of it rendered faces with adapted labels."""
    adapter = f"{_model_adaptation(found, request, seed, n)}/{REPORT}"
    found.add(
        rows.row(
            request,
            f"{place.row}-{rows.tag(n)}",
            "mixing",
            seed,
            fields={"data.source_share": alpha, "data.target_faces": rows.count_of(n)},
            folders=rows.pretraining(found, request) | {"data.adapter": adapter},
            sees=f"{alpha:.0%} renders with adapted labels; real faces with 68 labels",
            places=(place,),
        )
    )


def _after(found, request, seed: int, n: str, place: Place, *, sees: str) -> None:
    """The config of the row's own name, with so many real faces."""
    found.add(
        rows.row(
            request,
            f"{place.row}-{rows.tag(n)}",
            place.row,
            seed,
            fields={"data.target_faces": rows.count_of(n)},
            folders=rows.pretraining(found, request),
            sees=sees,
            places=(place,),
        )
    )


FIGURE_4: Mapping[str, Callable] = {
    "real_only": rows.real_only,
    "model_adaptation": _model_adaptation,
    "data_adaptation": _data_adaptation,
    "mixing_25": functools.partial(_mixing, alpha=0.25),
    "mixing_50": functools.partial(_mixing, alpha=0.5),
    "mixing_75": functools.partial(_mixing, alpha=0.75),
    "fine_tuning": functools.partial(_after, sees="real faces with 68 labels"),
    "best": functools.partial(_after, sees=LABELLED),
}
"""The rows over N_real."""


def _table_2(found: Listing, request: Request, keys: Collection[str]) -> None:
    """Rendered faces alone, from nothing, by how many of them there are."""

    def alone(name, count, fields):
        own = {"train.init_from": "", "data.source_faces": count} | fields
        found.add(
            rows.row(
                request,
                f"{name}-{rows.told(count)}",
                "synthetic_only",
                0,
                fields=own,
                steps=request.budget.alone,
                sees="renders" if name == "renders" else "FaceSynthetics",
                begins="nothing",
                places=(Place("Table 2", name, rows.told(count)),),
            )
        )

    for count in request.budget.renders if "renders" in keys else ():
        alone("renders", count, {})
    if "face_synthetics" in keys and not request.face_synthetics:
        found.notes.append("FaceSynthetics: left out; --face-synthetics names it.")
    elif "face_synthetics" in keys:
        theirs = {
            "scheme": "ibug68_surface",
            "data.scheme": "ibug68_surface",
            "data.source": "face_synthetics",
            "data.face_synthetics": str(request.face_synthetics),
        }
        for count in dict.fromkeys((min(10_000, request.budget.faces), 0)):
            alone("face_synthetics", count, theirs)


def _points(found: Listing, request: Request, keys: list[str], seed: int) -> None:
    """Numbers of points, from nothing; and what learns on from such a network."""
    if seed or not keys:
        return
    form = {"terms.label_transfer.form": "places"}
    fixed = [f"places.{part}" for part in ("skin", "head", "curves", "contour")]
    for number, scheme in POINTS.items():
        own = dict.fromkeys(fixed, 0) | {"scheme": scheme, "data.scheme": scheme}
        fields = {"train.init_from": ""} | (own if scheme else {})
        first = rows.row(
            request,
            f"points-{number}",
            "synthetic_only",
            seed,
            fields=fields,
            steps=request.budget.alone,
            sees="renders",
            begins="nothing",
            places=(Place("points", "synthetic_only", number),),
        )
        begin = {"train.init_from": found.add(first)}
        del fields["train.init_from"]
        ways = {
            "label_transfer": ("label_transfer", fields, LABELLED),
            "learned_places": ("label_transfer", fields | form, LABELLED),
            "fine_tuning": ("fine_tuning", {}, "real faces with 68 labels"),
        }
        for row in [row for row in keys if row in ways]:
            config, more, sees = ways[row]
            found.add(
                rows.row(
                    request,
                    f"points-{number}-{row}",
                    config,
                    seed,
                    fields=more,
                    folders=begin,
                    sees=sees,
                    begins=f"points-{number}",
                    places=(Place("points", row, number),),
                )
            )
