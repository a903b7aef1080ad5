"""What a config must keep: in itself, and towards the run that its folder holds."""

import json
import os
import pathlib

import ml_collections

from lmkjax.adapt import adaptation
from lmkjax.detect import inference
from lmkjax.errors import UserError
from lmkjax.experiment import measurement, parts
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options
from lmkjax.landmarks import heatmaps, schemes
from lmkjax.training import loop

MAY_CHANGE = {"train.steps", "train.minutes", "train.log_every", "train.save_every"}
"""What a run may be taken up again with; so may all of `data.dir` and `eval`."""

LATER = {"data": {"priors": "", "backgrounds": ""}}
"""Fields that older runs' configs lack, as these runs had them."""


def check(config: ml_collections.ConfigDict) -> None:
    """Refuses a config whose fields do not fit together.

    Raises:
        UserError: naming the field and what would do.
    """
    own, source = schemes.get(config.scheme), schemes.get(config.data.scheme)
    if own.name not in (source.name, measurement.IBUG68):
        raise UserError(
            f"--config.scheme={own.name} wants labels that --config.data.scheme="
            f"{source.name} does not give; make them equal, or scheme ibug68."
        )
    options.choose("photo", config.data.priors)
    if config.data.backgrounds:
        backdrop.find(config.data.backgrounds)
    known = {
        "heatmaps.loss": (config.heatmaps.loss, parts.LOSSES),
        "data.source": (config.data.source, ("synthetic_faces", "rendered")),
        "heatmaps.decoder": (config.heatmaps.decoder, heatmaps.DECODERS),
        "terms.daln.form": (config.terms.daln.form, ("landmark", "pixel")),
    }
    for field, (value, legal) in known.items():
        if value not in legal:
            raise UserError(f"--config.{field} is '{value}'; known: {list(legal)}.")
    if "target" in config.terms.supervised.streams and own.name != measurement.IBUG68:
        raise UserError(
            "Real faces carry 68 points: terms.supervised.streams with 'target' wants"
            f" --config.scheme=ibug68; got '{own.name}'. For a dense scheme use"
            " terms.label_transfer."
        )
    if config.heatmaps.loss in ("mse", "awing") and (
        config.heatmaps.decoder == "soft_argmax"
    ):
        raise UserError(
            f"heatmaps.loss '{config.heatmaps.loss}' learns maps of height 1, which"
            " soft_argmax cannot read; set --config.heatmaps.decoder=dark or argmax."
        )
    if config.model.input_px != 4 * config.model.heatmap_px:
        raise UserError(
            f"Wanted model.input_px = 4 x model.heatmap_px; got {config.model.input_px}"
            f" and {config.model.heatmap_px}."
        )
    loop.Length(config.train.steps, config.train.minutes)


def check_surroundings(
    config: ml_collections.ConfigDict, workdir: pathlib.Path
) -> None:
    """Refuses a run whose folder, or another run that it needs, is not as wanted.

    Writes nothing, so a mistake mended later meets no trace of this one.

    Raises:
        UserError: the folder holds a run of another config or cannot be written, or
            the run that this one begins with or adapts by is not there.
    """
    file = workdir / "config.json"
    if file.exists():
        old, new = recall(workdir).to_dict(), json.loads(_text(config))
        other = [f for f in _differences(old, new) if f not in MAY_CHANGE]
        other = [f for f in other if f != "data.dir" and not f.startswith("eval.")]
        if other:
            raise UserError(
                f"{workdir} holds a run with another {', '.join(other)}; choose another"
                " --workdir, or repeat the command that began it."
            )
    there = next(p for p in (workdir, *workdir.absolute().parents) if p.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(
            f"Wanted a folder that can be written as --workdir; {there} cannot."
        )
    if config.train.init_from:
        inference.Spec.load(pathlib.Path(config.train.init_from))
    if config.data.adapter:
        adaptation.load(pathlib.Path(config.data.adapter) / adaptation.FILE)


def write(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> None:
    """Makes the run's folder with `config.json`, as used."""
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / "config.json").write_text(_text(config))


def _text(config: ml_collections.ConfigDict) -> str:
    plain = json.loads(config.to_json_best_effort())
    return json.dumps(plain, indent=2, sort_keys=True) + "\n"


def recall(workdir: pathlib.Path) -> ml_collections.ConfigDict:
    """The config that a run was made with, whichever version made it.

    Raises:
        UserError: the folder holds no run.
    """
    try:
        config = json.loads((workdir / "config.json").read_text())
        for part, fields in LATER.items():
            config[part] = fields | config[part]
        return ml_collections.ConfigDict(config).lock()
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"Wanted a run's folder with its config.json; {workdir}: {error}."
        ) from error


def _differences(old: dict, new: dict, prefix: str = "") -> list[str]:
    names = []
    for name in sorted(old.keys() | new.keys()):
        a, b = (side.get(name, None) for side in (old, new))
        if isinstance(a, dict) and isinstance(b, dict):
            names += _differences(a, b, f"{prefix}{name}.")
        elif a != b:
            names.append(prefix + name)
    return names
