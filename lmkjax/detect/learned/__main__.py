"""Learns where on the head another's landmarks lie, and writes them as a scheme.

A network that answers for any place of the head is asked at places that move until its
points lie where the labels are; its weights stay. What comes out is a YAML file of
single points, which `predict --scheme` takes. Some faces are held out: the error on
them is told before and after.

The labels are a folder of pictures with a points.json, {"a.jpg": [[x, y], ...], ...},
the first pixel's centre at (0.5, 0.5); or with *_ldmks.txt, as FaceSynthetics has them;
or with *.pts, as 300-W.
"""

from collections.abc import Sequence

from lmkjax import cli, files

EPILOG = """\
example:
  python -m lmkjax.detect.learned --data face_synthetics --out theirs.yaml \\
      --begin data_builders/face_synthetics/face_synthetics70.yaml
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Learns and writes a scheme; returns the exit code."""
    parser = cli.Parser(
        prog="python -m lmkjax.detect.learned", description=__doc__, epilog=EPILOG
    )
    add = parser.add_argument
    add("--data", required=True, metavar="FOLDER", help="pictures and their labels")
    add(
        "--begin",
        required=True,
        metavar="S",
        help="a scheme of as many points as the labels, in their order: where they"
        " begin; it must hold the 68 iBug points, by which faces are cut and measured",
    )
    add("--out", required=True, metavar="FILE", help="the scheme, .yaml")
    add("--workdir", metavar="DIR", help="a run's network (default: the one shipped)")
    add(
        "--faces",
        type=int,
        default=300,
        metavar="N",
        help="faces read, at most: a few hundred tell all that places can say",
    )
    add(
        "--held-out",
        type=int,
        metavar="N",
        help="faces to measure on, drawn by chance (default: a third)",
    )
    add("--steps", type=int, default=300, metavar="N", help="of the optimiser")
    add("--seed", type=int, default=0, metavar="S", help="of the draw")
    options = parser.parse_args(argv)
    for name in ("steps", "faces", "held_out"):
        parser.at_least(1, options, name)
    parser.a_seed(options)
    out = files.local(options.out, flag="--out")
    if out.suffix not in (".yaml", ".yml"):
        parser.error(f"--out wants the name of a .yaml file; got '{out.name}'")

    from lmkjax.detect import detection, inference
    from lmkjax.detect.learned import fitting, labelled
    from lmkjax.landmarks import schemes

    begin = schemes.get(options.begin)
    fitting.check(begin)
    folder = files.local(options.data, flag="--data")
    faces = labelled.read(
        folder, count=begin.count, most=options.faces, seed=options.seed
    )
    train, held = labelled.part(faces, held_out=options.held_out, seed=options.seed)
    workdir = options.workdir or detection.shipped()
    workdir = files.local(workdir, flag="--workdir")
    spec, weights = inference.load(workdir)
    found = fitting.fit(spec, weights, train, begin, name=out.stem, steps=options.steps)
    told = [
        fitting.measure(spec, weights, held, scheme, subset=begin.subset68)
        for scheme in (begin, found.scheme)
    ]
    about = (
        f"# Learned by lmkjax from {len(train)} faces of '{folder.name}', begun at"
        f" {begin.name}.\n# On {len(held)} others the error went from {told[0]:.2f} to"
        f" {told[1]:.2f} % of the distance between the outer corners of the eyes.\n"
    )
    files.write(out, about + fitting.text(found.scheme))
    print(
        f"{out}: {begin.count} places, moved by {found.moved_cm:.2f} cm in the mean,"
        f" learned from {len(train)} faces. On {len(held)} held out: ocular NME"
        f" {told[0]:.2f} % as they began, {told[1]:.2f} % now."
    )
    return 0


if __name__ == "__main__":
    cli.run(main)
