"""Command: a trained run as one small folder, or as ONNX, StableHLO or TFLite.

python -m lmkjax.export --workdir runs/daln --out daln
python -m lmkjax.export --to onnx --scheme dense1001 --out landmarks
"""

import argparse
import pathlib
import shutil
from collections.abc import Sequence

from lmkjax import cli, files
from lmkjax.errors import UserError

FOLDER = "folder"
TO = (FOLDER, "onnx", "stablehlo", "tflite")

EPILOG = """\
As a folder, --out holds network.json (what the network is, what it was trained on),
config.json (the run's, without its folders of data) and weights.npz (the averaged
weights). It stands wherever a trained run's folder does: lmkjax predict --workdir DIR,
lmkjax evaluate --workdir DIR, --config.train.init_from=DIR. A label adapter is left out
unless --adapter is given: it was fitted on the labels of the target's faces.

As onnx, stablehlo or tflite, --out holds the network in that form, from crops of
faces to their points, uncertainty and visibility, and a README.md with the lines of
NumPy that cut a crop and bring the points back into the photo. The points are those of
--scheme, or of places that are given with each picture (--places-as-input). StableHLO
needs nothing more; onnx and tflite want the extras of these names (launch/README.md).
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exports as the command line says; returns the exit code."""
    parser = _flags()
    options = parser.parse_args(argv)
    asked = [n for n in ("scheme", "places_as_input") if getattr(options, n)]
    if options.to == FOLDER and asked:
        raise UserError(
            f"A network's folder answers in any scheme; {cli.flag(asked[0])} is for"
            f" --to {', '.join(TO[1:])}."
        )
    if options.places_as_input and options.adapter:
        raise UserError("A label adapter answers in ibug68, and places are no scheme.")

    from lmkjax.detect import detection

    workdir = files.local(options.workdir or detection.shipped(), flag="--workdir")
    out = files.local(options.out, flag="--out")
    if options.to == FOLDER:
        _copy(options, workdir, out)
    else:
        _convert(options, workdir, out)
    return 0


def _flags() -> argparse.ArgumentParser:
    """The flags."""
    parser = cli.Parser(
        prog="lmkjax export",
        description=__doc__.splitlines()[0].removeprefix("Command: "),
        epilog=EPILOG,
    )
    add = parser.add_argument
    add(
        "--workdir",
        metavar="DIR",
        help="a trained run's folder (default: the weights that come with lmkjax)",
    )
    add("--out", required=True, metavar="DIR", help="a new folder for the network")
    add("--to", choices=TO, default=FOLDER, help="in which form")
    add("--adapter", action="store_true", help="with the run's label adapter")
    add(
        "--best",
        action="store_true",
        help="the weights that did best on the run's validation faces, not the last",
    )
    add(
        "--scheme",
        metavar="S",
        help="whose points: a scheme's name or YAML file (default: the network's own)",
    )
    add(
        "--places-as-input",
        action="store_true",
        help="the network is given places of the head with each picture; those of"
        " --scheme are written beside it",
    )
    return parser


def _copy(options: argparse.Namespace, workdir: pathlib.Path, out: pathlib.Path):
    """The run as one small folder."""
    from lmkjax.adapt import adaptation
    from lmkjax.detect import inference
    from lmkjax.experiment import record
    from lmkjax.training import averaged

    spec, weights = inference.load(workdir, best=options.best)
    config = record.recall(workdir)
    adapter = _adapter(options, workdir)
    if out.exists():
        raise UserError(f"Wanted a new folder as --out; '{out}' is there already.")
    with files.folder(out, ours=()) as new:
        spec.save(new)
        record.export(config, new)
        if adapter:
            shutil.copyfile(adapter, new / adaptation.FILE)
        averaged.save(weights, new / averaged.EXPORTED)
    size = (out / averaged.EXPORTED).stat().st_size / 2**20
    print(f"{out}: {spec.scheme.name}, {size:.1f} MiB, trained on {spec.trained_on}.")


def _convert(options: argparse.Namespace, workdir: pathlib.Path, out: pathlib.Path):
    """The run in a form that other systems run."""
    from lmkjax.adapt import adaptation
    from lmkjax.detect import inference
    from lmkjax.exporting import bundle, program
    from lmkjax.face.shape import marks
    from lmkjax.landmarks import schemes

    bundle.ready(options.to, out)
    adapter = _adapter(options, workdir)
    spec, weights = inference.load(workdir, best=options.best)
    scheme, beside = spec.scheme, None
    if options.scheme and options.scheme != scheme.name:
        scheme = schemes.get(options.scheme)
    if options.places_as_input:
        made = program.of_places(spec, weights)
        beside = scheme.name, marks.places(scheme)
    else:
        adapter = adaptation.load(adapter) if adapter else None
        made = program.of_scheme(spec, weights, scheme, adapter=adapter)
    bundle.write(made, out, form=options.to, beside=beside)
    file = out / f"network.{options.to}"
    what = "places of any kind" if beside else f"{scheme.count} points of {scheme.name}"
    size = file.stat().st_size / 2**20
    print(f"{file}: {what}, {size:.1f} MiB; {out / bundle.README} tells how.")


def _adapter(options: argparse.Namespace, workdir: pathlib.Path) -> pathlib.Path | None:
    """The file of the run's label adapter, where it is wanted.

    Raises:
        UserError: it is wanted and not there.
    """
    from lmkjax.adapt import adaptation

    if not options.adapter:
        return None
    file = workdir / adaptation.FILE
    if not file.is_file():
        raise UserError(f"Wanted the run's label adapter, {file}; it is not there.")
    return file


if __name__ == "__main__":
    cli.run(main)
