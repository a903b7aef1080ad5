"""Runs whose figures are made by hand, for tests that train nothing."""

import json

from lmkjax.reproduction import speed
from lmkjax.reproduction.runs import REPORT, RUNS

WAYS = {
    "real_only": ("direct",),
    "fine_tuning": ("direct",),
    "data_adaptation": ("direct",),
    "mixing": ("direct",),
    "label_transfer": ("subset", "adapted", "transfer"),
    "daln": ("subset", "adapted", "transfer"),
    "best": ("subset", "adapted", "transfer"),
}
NOTHING = speed.Estimate({}, {}, 16, 0, 0.0)


def rows_of(config, error, sets):
    """The rows of a report: box errors are half, pupils' a third more."""
    found = []
    for test_set, faces in sets.items():
        for way in WAYS.get(config, ("subset", "adapted")):
            nme = error + {"subset": 1.0, "transfer": 0.25}.get(way, 0.0)
            nme += 2.0 * (test_set == "challenging")
            for by, factor in (("ocular", 1.0), ("pupil", 4 / 3), ("box", 0.5)):
                row = {"test_set": test_set, "labels": way, "normaliser": by}
                row |= {"nme": nme * factor, "auc_08": 1 - nme / 10, "fr_08": nme / 100}
                found.append(row | {"faces": faces, "points": 68, "regions": {}})
    return found


def leave(run, out, *, error=4.0, sets=None, curve=()):
    """Writes what a run leaves in its folder."""
    folder = out / RUNS / run.name
    (folder / REPORT).mkdir(parents=True, exist_ok=True)
    (folder / "network.json").write_text('{"trained_on": "invented faces"}')
    lines = [{"step": step, "loss": 1.0, "validation_nme": nme} for step, nme in curve]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text)
    (folder / "training.json").write_text('{"images_per_s": 12.5}')
    told = {"hardware": "a machine", "commit": "abc", "data": "invented"}
    rows = rows_of(run.config, error, sets or {"stand-in": 8})
    (folder / REPORT / "results.json").write_text(json.dumps({"rows": rows} | told))
