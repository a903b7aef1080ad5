"""Facial landmarks by the hundred, learned from synthetic faces.

What a program takes from here stands in `FACE`; a name is imported when it is asked
for, so that `import lmkjax` costs nothing.
"""

import importlib

__version__ = "0.1.0"

FACE = {
    "Detector": ("lmkjax.detect.detection", "Detector"),
    "UserError": ("lmkjax.errors", "UserError"),
    "render_faces": ("lmkjax.face.drawing", "faces"),
    "scheme": ("lmkjax.landmarks.schemes", "get"),
}
"""Each name, and the module and name that it stands for."""
__all__ = ["Detector", "UserError", "render_faces", "scheme"]


def __getattr__(name: str):
    if name not in FACE:
        raise AttributeError(f"module 'lmkjax' has no attribute '{name}'")
    module, own = FACE[name]
    return getattr(importlib.import_module(module), own)


def __dir__() -> list[str]:
    return sorted({*globals(), *FACE})
