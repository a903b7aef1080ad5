"""Command: serves one page on this machine, to try lmkjax in a browser.

lmkjax demo
"""

from collections.abc import Sequence

from lmkjax import cli, files


def main(argv: Sequence[str] | None = None) -> int:
    """Serves as the command line says; returns the exit code."""
    parser = cli.Parser(
        prog="lmkjax demo",
        description="Serve one page on this machine: drop a photo or use the camera,"
        " see its faces and their points, turn the fitted head, download the JSON."
        " Nothing is sent anywhere, and nothing is kept.",
    )
    add = parser.add_argument
    add(
        "--workdir",
        metavar="DIR",
        help="a trained run's folder (default: the weights that come with lmkjax)",
    )
    add(
        "--host",
        default="127.0.0.1",
        help="who may open the page: this machine alone, or 0.0.0.0: the network too",
    )
    add("--port", type=int, default=7860, help="where it is served")
    options = parser.parse_args(argv)
    if not 1 <= options.port <= 65535:
        parser.error(f"--port wants 1 to 65535; got {options.port}")

    from lmkjax.detect import detection
    from lmkjax.serving import webpage

    workdir = files.local(options.workdir or detection.shipped(), flag="--workdir")
    detector = detection.Detector.from_checkpoint(workdir)
    webpage.serve(detector, host=options.host, port=options.port)
    return 0


if __name__ == "__main__":
    cli.run(main)
