"""The same network and loss in PyTorch beside ours, in one run on one machine.

Run, in an environment that has PyTorch:  python -m launch.beside_torch

A step is forward, backward, clipping and AdamW; the ways take turns, and the median
counts. All begin with the same weights, and the largest difference of their maps is
told. `taskset -c 0` before it lends it one core.
"""

import json
import statistics
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from lmkjax import cli
from lmkjax.errors import UserError


def rates(ways: Mapping[str, Callable[[], None]], *, rounds: int, faces: int) -> dict:
    """Faces per second of each way, in turns.

    Args:
        ways: what is done once with so many faces, by name; it has run before.
        rounds: how often each is timed.
        faces: in one go.
    """
    took = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            began = time.perf_counter()
            run()
            took[name].append(time.perf_counter() - began)
    return {name: faces / statistics.median(each) for name, each in took.items()}


def ours(spec: Mapping[str, Any], batch) -> tuple[dict[str, Callable], dict]:
    """Our step and prediction, and the weights that they begin with.

    Args:
        spec: stacks, features, depth, dtype, landmarks.
        batch: image [b h w 3], points in pixels of the maps [b k 2], sigma_px.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from lmkjax.face import compiled
    from lmkjax.landmarks import heatmaps
    from lmkjax.losses import landmark
    from lmkjax.models import hourglass
    from lmkjax.training import optim
    from lmkjax.types import purpose

    image, points, sigma_px = batch
    sizes = {name: spec[name] for name in ("stacks", "features", "depth", "dtype")}
    net = hourglass.HourglassNet(**sizes)
    params = jax.jit(net.init)(purpose(0, "weights"), jnp.asarray(image[:1]))["params"]
    shape = (spec["stacks"], spec["landmarks"], spec["features"])
    kernels = 0.02 * jax.random.normal(purpose(0, "kernels"), shape)
    begin = {"net": params, "kernels": kernels}
    optimizer = optim.adamw(weight_decay=1e-4, clip_norm=1.0)

    def maps(weights, image):
        features = net.apply({"params": weights["net"]}, image).features
        each = zip(features, weights["kernels"], strict=True)
        return [hourglass.maps(*one) for one in each]

    def loss(weights, image, points):
        valid = jnp.ones(points.shape[:2], bool)
        losses = (
            landmark.points(each, points, valid, sigma_px=sigma_px).mean()
            for each in maps(weights, image)
        )
        return sum(losses)

    def step(state, image, points):
        weights, moments = state
        value, grads = jax.value_and_grad(loss)(weights, image, points)
        moves, moments = optimizer.update(grads, moments, weights)
        weights = jax.tree.map(lambda w, move: w + 1e-4 * move, weights, moves)
        return (weights, moments), value

    asked = compiled.asked(compiled.OWN_CONVOLUTIONS)
    take = jax.jit(step, donate_argnums=0, compiler_options=asked)
    look = jax.jit(
        lambda weights, image: heatmaps.soft_argmax(maps(weights, image)[-1])
    )
    see = jax.jit(lambda weights, image: maps(weights, image)[-1])
    first = jax.tree.map(np.array, begin)  # a step gives its state's memory away
    kept = {"state": (begin, optimizer.init(begin))}
    shown, where = jnp.asarray(image), jnp.asarray(points)

    def train():
        kept["state"], value = take(kept["state"], shown, where)
        return float(value)

    def predict():
        look(kept["state"][0], shown[:1]).block_until_ready()

    return {"train": train, "predict": predict, "maps": see(first, shown)}, first


def theirs(spec: Mapping[str, Any], batch, first, *, compiled: bool) -> dict:
    """The same in PyTorch; arguments as `ours`, and its first weights."""
    import torch

    from launch import twin

    image, points, sigma_px = batch
    where_it_runs = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = {name: value for name, value in spec.items() if name != "dtype"}
    net = twin.Net(**sizes, gain=16.0)
    twin.load(net, first["net"], first["kernels"])
    net = net.to(where_it_runs, memory_format=torch.channels_last)
    shown = torch.from_numpy(image).to(where_it_runs)
    shown = shown.permute(0, 3, 1, 2)  # so it lies channels last
    where = torch.from_numpy(points).to(where_it_runs)
    narrow = torch.autocast(
        where_it_runs, torch.bfloat16, enabled=spec["dtype"] == "bfloat16"
    )
    moves = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=1e-4, fused=True)

    def look(image):
        with narrow:
            return net(image)

    def loss(image, points):
        return twin.loss(look(image), points, sigma_px)

    if compiled:
        loss, look = torch.compile(loss), torch.compile(look)

    def train():
        moves.zero_grad()
        value = loss(shown, where)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        moves.step()
        return value.item()

    def predict():
        with torch.inference_mode():
            twin.soft_argmax(look(shown[:1])[-1]).cpu()

    with torch.inference_mode():
        maps = look(shown)[-1].permute(0, 2, 3, 1).cpu().numpy()
    return {"train": train, "predict": predict, "maps": maps}


def compare(
    model, *, batch: int, landmarks: Sequence[int], rounds: int, compiled: bool
) -> Generator[dict]:
    """What each way reaches, for each number of landmarks.

    Args:
        model: the fields of `model` of a config.
        batch: faces of a step.
        landmarks: maps.
        rounds: of each way.
        compiled: torch.compile as well.
    """
    import numpy as np

    spec = {name: model[name] for name in ("stacks", "features", "depth", "dtype")}
    chance = np.random.default_rng(0)
    side, cells = model.input_px, model.heatmap_px
    image = chance.random((batch, side, side, 3), np.float32)
    for count in landmarks:
        spec["landmarks"] = count
        points = chance.random((batch, count, 2), np.float32) * cells
        given = image, points, 1.0
        own, first = ours(spec, given)
        ways = {"ours": own, "PyTorch": theirs(spec, given, first, compiled=False)}
        if compiled:
            ways["PyTorch, compiled"] = theirs(spec, given, first, compiled=True)
        for what, faces in (("train", batch), ("predict", 1)):
            runs = {name: way[what] for name, way in ways.items()}
            for run in runs.values():  # compiles
                run(), run()
            found = rates(runs, rounds=rounds, faces=faces)
            for name, rate in found.items():
                apart = np.abs(np.asarray(own["maps"]) - ways[name]["maps"]).max()
                yield {
                    "what": what,
                    "way": name,
                    "landmarks": count,
                    "faces_per_s": round(rate, 1),
                    "ms": round(1000 * faces / rate, 2),
                    "maps_apart": round(float(apart), 6),
                }


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a line of JSON for each way; returns the exit code."""
    parser = cli.Parser(
        prog="python -m launch.beside_torch", description=__doc__.splitlines()[0]
    )
    sizes = ("tiny", "laptop", "full")
    parser.add_argument("--size", default="laptop", choices=sizes, help="of the config")
    parser.add_argument("--batch", type=int, default=16, help="faces")
    parser.add_argument(
        "--landmarks", type=int, nargs="*", default=[68, 490, 1001], help="maps"
    )
    parser.add_argument("--rounds", type=int, default=7, help="of each way")
    parser.add_argument(
        "--eager-only", action="store_true", help="leave out torch.compile"
    )
    options = parser.parse_args(argv)
    for name in ("batch", "rounds"):
        parser.at_least(1, options, name)
    if min(options.landmarks, default=0) < 1:
        parser.error(f"--landmarks wants numbers from 1 on; got {options.landmarks}")
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(
            "Wanted PyTorch, which is not installed and which nothing else here needs:"
            " pip install torch, in an environment of its own, brings it."
        ) from error
    from configs import base

    found = compare(
        base.get_config(options.size).model,
        batch=options.batch,
        landmarks=options.landmarks,
        rounds=options.rounds,
        compiled=not options.eager_only,
    )
    for line in found:
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    cli.run(main)
