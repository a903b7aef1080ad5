"""A program as a file that other systems run: StableHLO, ONNX, TFLite."""

import contextlib
import logging
import pathlib
from collections.abc import Iterator

import jax
from jax import export

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.exporting.program import FACES, Program

PLATFORMS = ("cpu", "cuda", "tpu")
ENTRY = "serving_default"
"""What TFLite calls the way into a network."""


def stablehlo(program: Program, file: pathlib.Path) -> None:
    """Writes what `jax.export.deserialize` reads, for any number of faces.

    Args:
        program: see there.
        file: it is replaced.
    """
    found = export.export(jax.jit(program.function), platforms=PLATFORMS)(
        *_arrays(program)
    )
    files.write(file, bytes(found.serialize()))


def onnx(program: Program, file: pathlib.Path) -> None:
    """Writes an ONNX file (operator set 23), for any number of faces.

    Args:
        program: see there.
        file: it is replaced.

    Raises:
        ImportError: the extra `onnx` is not there.
    """
    import jax2onnx

    # It promotes ranks by itself, whatever the process here allows.
    with _quiet("onnx_ir", "jax2onnx"), jax.numpy_rank_promotion("allow"):
        found = jax2onnx.to_onnx(
            program.function,
            _arrays(program),
            model_name="lmkjax",
            input_names=[one.name for one in program.inputs],
            output_names=list(program.outputs),
        )
    files.write(file, found.SerializeToString())


def tflite(program: Program, file: pathlib.Path) -> None:
    """Writes a TFLite file, for one face at a time: its converter wants all shapes.

    Args:
        program: see there.
        file: it is replaced.

    Raises:
        ImportError: the extra `tflite` is not there.
        UserError: the program takes any number of places.
    """
    if program.scheme is None:
        raise UserError(
            "TFLite takes no number of places that is open: LiteRT's converter wants"
            " all shapes. Name them with --scheme (a YAML file of your own will do), or"
            " ask for --to onnx or stablehlo."
        )
    from litert_converter import mlir  # noqa: F401 - it gives the next line its names
    from litert_converter.mlir import ir, passmanager
    from litert_converter.mlir._mlir_libs import converter_api_ext as converter

    (image,) = program.inputs
    shape = [1 if n == FACES else n for n in image.shape]
    lowered = export.export(jax.jit(program.function), platforms=("cpu",))(
        jax.ShapeDtypeStruct(shape, image.dtype)
    )
    context = ir.Context()
    converter.prepare_mlir_context(context)
    with context, ir.Location.unknown():
        module = ir.Module.parse(lowered.mlir_module())
        converter.set_signature(
            module.operation,
            signature_name=ENTRY,
            input_names=[image.name],
            output_names=list(program.outputs),
        )
        config, passes = converter.ConvertToTFLConfig(), passmanager.PassManager()
        converter.run_convert_to_tfl_passes(module, passes, config)
        files.write(file, bytes(converter.export_flatbuffer_to_bytes(module.operation)))


def _arrays(program: Program) -> list[jax.ShapeDtypeStruct]:
    """What a program takes, with letters for any number."""
    scope = export.SymbolicScope()
    return [
        jax.ShapeDtypeStruct(
            export.symbolic_shape(", ".join(map(str, one.shape)), scope=scope),
            one.dtype,
        )
        for one in program.inputs
    ]


@contextlib.contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Without libraries' notes to themselves."""
    logs = [logging.getLogger(name) for name in names]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
