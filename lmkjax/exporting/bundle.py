"""The folder around an exported network: how it is asked, in words and in lines."""

import importlib
import json
import pathlib
import shutil
from collections.abc import Callable

import numpy as np

import lmkjax
from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.exporting import forms
from lmkjax.exporting.program import OUTPUTS, Program
from lmkjax.face.shape import head
from lmkjax.types import Places

FORMS: dict[str, Callable[[Program, pathlib.Path], None]] = {
    "onnx": forms.onnx,
    "stablehlo": forms.stablehlo,
    "tflite": forms.tflite,
}
NEEDS = {
    "onnx": ("jax2onnx", "onnxruntime"),
    "stablehlo": ("flatbuffers",),
    "tflite": ("litert_converter",),
}
"""What makes each form."""
ABOUT, README, NOTICE = "about.json", "README.md", "NOTICE"
STATES = ("visible", "behind the head", "behind a thing", "outside the crop")

CALLS = {
    "onnx": """\
network = onnxruntime.InferenceSession("network.onnx")
said = network.run(None, {{"image": image{named}}})""",
    "stablehlo": """\
network = export.deserialize(pathlib.Path("network.stablehlo").read_bytes())
said = network.call(image{listed})""",
    "tflite": """\
network = interpreter.Interpreter("network.tflite").get_signature_runner()
said = [network(image=image)[name] for name in about["outputs"]]""",
}
IMPORTS = {
    "onnx": "import onnxruntime",
    "stablehlo": "from jax import export",
    "tflite": "from ai_edge_litert import interpreter",
}
GIVEN = 'places = {name: np.load(f"{name}.npy") for name in about["inputs"][1:]}\n'
LINES = """\
import json
import pathlib
{imports}
import numpy as np
from PIL import Image

about = json.loads(pathlib.Path("about.json").read_text())
photo = np.asarray(Image.open("photo.png").convert("RGB"))
box = np.array([40.0, 50.0, 160.0, 165.0])  # left, top, right, bottom, pixels
size, side = about["input_px"], about["margin"] * max(box[2:] - box[:2])
corner = (box[:2] + box[2:]) / 2 - [0, about["up"] * side] - side / 2
pad = int(np.ceil(side))  # where the photo ends, its last pixels go on
wide = np.pad(photo, ((pad, pad), (pad, pad), (0, 0)), "edge")
window = (*(corner + pad), *(corner + pad + side))
crop = Image.fromarray(wide).resize((size, size), Image.BILINEAR, box=window)
image = np.asarray(crop, np.float32)[None] / 255
{places}{call}
points = np.asarray(said[0][0]) * side / size + corner  # pixels of the photo
uncertainty = np.asarray(said[1][0]) * side / size"""

TEXT = """\
# {title}

`network.{form}`, written by lmkjax {version}: {what}. Trained on {trained_on}.
FaceKit's notice (`NOTICE`) goes with it.

| | name | shape | |
|---|---|---|---|
{rows}

{faces} Points are (x, y); `(0, 0)` is the crop's outer corner, and the first pixel's
centre (0.5, 0.5). A box is tight around the 68 iBug points, brows to chin. The crop is
the square around it: `margin` times its longer side, and `up` of its own side higher
(`about.json`). These lines cut it, ask, and bring the points back into the photo, which
is turned as its EXIF says before:

```python
{lines}
```
{more}
It computes in float32. The points are those of lmkjax's own `Detector` to 0.05 pixels
of the photo.
"""
MORE = """
`xyz.npy`, `part.npy` and `share.npy` hold the places of {scheme}. Those of any other
scheme are `lmkjax.face.shape.marks.places(lmkjax.scheme("mine.yaml"))`. Of points of
your own: xyz on the mean head in cm (x to the subject's left, y up, z to the viewer),
part 0 (the skin), share 0.
"""


def ready(form: str, out: pathlib.Path) -> None:
    """Refuses what `write` could not do, before long work.

    Args:
        form: of `FORMS`.
        out: a new folder.

    Raises:
        ImportError: what makes the form is not installed.
        UserError: the folder is there.
    """
    for module in NEEDS[form]:
        importlib.import_module(module)
    if out.exists():
        raise UserError(f"Wanted a new folder as --out; '{out}' is there already.")


def write(
    program: Program,
    out: str | pathlib.Path,
    *,
    form: str,
    beside: tuple[str, Places] | None = None,
) -> None:
    """Writes a program in a form, and beside it what using it takes.

    Args:
        program: see there.
        out: a new folder.
        form: of `FORMS`.
        beside: a scheme's name and its places, for a program that takes places.

    Raises:
        ImportError: what makes the form is not installed.
        UserError: the form cannot hold the program, or the folder is there.
    """
    out = pathlib.Path(out)
    ready(form, out)
    with files.folder(out, ours=()) as new:
        FORMS[form](program, new / f"network.{form}")
        if beside:
            for one in program.inputs[1:]:
                array = np.asarray(getattr(beside[1], one.name), one.dtype)
                np.save(new / f"{one.name}.npy", array)
        files.write(new / ABOUT, json.dumps(about(program), indent=2) + "\n")
        name = beside[0] if beside else ""
        files.write(new / README, _readme(program, form, name))
        shutil.copyfile(head.ASSETS / "LICENSE", new / NOTICE)


def about(program: Program) -> dict:
    """What a program that uses the network reads."""
    spec, scheme = program.spec, program.scheme
    return {
        "scheme": scheme.text if scheme else None,
        "input_px": spec.input_px,
        "margin": spec.margin,
        "up": spec.up,
        "inputs": [one.name for one in program.inputs],
        "outputs": list(program.outputs),
        "visibility": list(STATES) if OUTPUTS[2] in program.outputs else None,
        "trained_on": spec.trained_on,
        "lmkjax": lmkjax.__version__,
    }


def _readme(program: Program, form: str, beside: str) -> str:
    """How the network is asked."""
    k = str(program.scheme.count) if program.scheme else "k"
    b = "1" if form == "tflite" else "b"
    size = program.spec.input_px
    told = {
        "image": ("in", f"[{b}, {size}, {size}, 3]", "RGB from 0 to 1, float32"),
        "xyz": ("in", "[k, 3]", "places on the mean head, cm, float32"),
        "part": ("in", "[k]", "0 skin, 1 eyeball, 2 contour, int32"),
        "share": ("in", "[k]", "of the contour, ear to ear, 0 to 1, float32"),
        "points": ("out", f"[{b}, {k}, 2]", "pixels of the crop"),
        "uncertainty": ("out", f"[{b}, {k}]", "standard deviation, pixels of the crop"),
        "visibility": ("out", f"[{b}, {k}, 4]", "probabilities: " + ", ".join(STATES)),
    }
    names = [*(one.name for one in program.inputs), *program.outputs]
    rows = [
        f"| {way} | `{name}` | {shape} | {what} |"
        for name in names
        for way, shape, what in [told[name]]
    ]
    call = CALLS[form].format(
        named=", **places" if beside else "",
        listed=", *places.values()" if beside else "",
    )
    lines = LINES.format(
        imports=IMPORTS[form],
        places=GIVEN if beside else "",
        call=call,
    )
    scheme = program.scheme.name if program.scheme else ""
    one = "One face at a time (TFLite's converter wants all shapes)."
    return TEXT.format(
        title=f"Facial landmarks: {scheme or 'any places of the head'}",
        form=form,
        version=lmkjax.__version__,
        what=f"the {k} points of {scheme}" if scheme else "points of any places",
        trained_on=program.spec.trained_on or "nobody told what",
        rows="\n".join(rows),
        faces=one if form == "tflite" else "Any number of faces at once.",
        lines=lines,
        more=MORE.format(scheme=beside) if beside else "",
    )
