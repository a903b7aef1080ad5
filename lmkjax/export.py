"""Command: a trained run as one small folder, to be shipped and predicted with.

python -m lmkjax.export --workdir runs/dense490 --out lmkjax/detect/weights/dense490
"""

import shutil
from collections.abc import Sequence

from lmkjax import cli, files
from lmkjax.errors import UserError

EPILOG = """\
The folder --out then holds network.json (what the network is, what it was trained on),
config.json (the run's, without its folders of data) and weights.npz (the averaged
weights). It stands wherever a trained run's folder does: lmkjax predict --workdir DIR,
lmkjax evaluate --workdir DIR, --config.train.init_from=DIR. A label adapter is left out
unless --adapter is given: it was fitted on the labels of the target's faces.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exports as the command line says; returns the exit code."""
    parser = cli.Parser(
        prog="lmkjax export",
        description=__doc__.splitlines()[0].removeprefix("Command: "),
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("--workdir", required=True, metavar="DIR", help="a trained run's folder")
    add("--out", required=True, metavar="DIR", help="a new folder for the network")
    add("--adapter", action="store_true", help="with the run's label adapter")
    add(
        "--best",
        action="store_true",
        help="the weights that did best on the run's validation faces, not the last",
    )
    options = parser.parse_args(argv)

    from lmkjax.adapt import adaptation
    from lmkjax.detect import inference
    from lmkjax.experiment import record
    from lmkjax.training import averaged

    workdir = files.local(options.workdir, flag="--workdir")
    out = files.local(options.out, flag="--out")
    spec, weights = inference.load(workdir, best=options.best)
    config = record.recall(workdir)
    adapter = workdir / adaptation.FILE
    if options.adapter and not adapter.is_file():
        raise UserError(f"Wanted the run's label adapter, {adapter}; it is not there.")
    if out.exists():
        raise UserError(f"Wanted a new folder as --out; '{out}' is there already.")
    with files.folder(out, ours=()) as new:
        spec.save(new)
        record.export(config, new)
        if options.adapter:
            shutil.copyfile(adapter, new / adaptation.FILE)
        averaged.save(weights, new / averaged.EXPORTED)
    size = (out / averaged.EXPORTED).stat().st_size / 2**20
    print(f"{out}: {spec.scheme.name}, {size:.1f} MiB, trained on {spec.trained_on}.")
    return 0


if __name__ == "__main__":
    cli.run(main)
