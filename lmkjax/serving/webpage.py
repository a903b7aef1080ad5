"""One page on this machine: a photo goes in, its faces and their points come out."""

import base64
import html
import os
import pathlib
import tempfile
from typing import Any

from lmkjax.detect import detection
from lmkjax.errors import UserError
from lmkjax.landmarks import schemes
from lmkjax.serving import answering

KEPT_S = 600
"""Seconds until what was handed in, and what came of it, is deleted; the end of the
program deletes all of it."""
FONTS = ["system-ui", "sans-serif"]
NOTE = (
    f"Photos of at most {answering.BYTES // 10**6} MB. They stay on the machine that"
    f" serves this page, which deletes them after {KEPT_S // 60} minutes, and when it"
    " ends. Points: green sure, red unsure, hollow hidden."
)


def serve(
    detector: detection.Detector, *, host: str, port: int, wait: bool = True
) -> Any:
    """Serves the page until Ctrl-C.

    Args:
        detector: finds faces.
        host: who may ask: 127.0.0.1 is this machine alone.
        port: where; one that is taken is refused.
        wait: until Ctrl-C; else what is served is given back, and goes on.

    Returns:
        What Gradio serves; its `close()` ends it.

    Raises:
        UserError: the port is taken.
    """
    room = tempfile.TemporaryDirectory(prefix="lmkjax-demo-")
    # Before the import, or it looks for news and keeps uploads.
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": room.name,
        "HF_HUB_OFFLINE": "1",
    }
    import gradio

    page = _page(gradio, detector, pathlib.Path(room.name))
    page.room = room  # which goes when the page does
    try:
        page.queue(max_size=16).launch(
            server_name=host,
            server_port=port,
            share=False,
            inbrowser=False,
            quiet=True,
            show_error=True,
            max_file_size=answering.BYTES,
            footer_links=[],
            ssr_mode=False,
            enable_monitoring=False,
            theme=gradio.themes.Base(font=FONTS, font_mono=["monospace"]),
            prevent_thread_lock=True,
        )
        print(f"http://{host}:{port} (Ctrl-C ends it)", flush=True)
        if wait:
            page.block_thread()
    except OSError as error:
        raise UserError(
            f"Cannot serve at {host}:{port}: {error}. Another --port may be free."
        ) from error
    finally:
        if wait:
            page.close()
            room.cleanup()
    return page


def _page(gradio: Any, detector: detection.Detector, room: pathlib.Path) -> Any:
    """The page's parts, and what happens when."""
    with gradio.Blocks(
        title="lmkjax", analytics_enabled=False, delete_cache=(60, KEPT_S)
    ) as page:
        gradio.Markdown(f"# lmkjax\n{NOTE}")
        with gradio.Row():
            with gradio.Column():
                photo = gradio.Image(
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "webcam", "clipboard"],
                    # Gradio mirrors by default: left eyes would be called right.
                    webcam_options=gradio.WebcamOptions(mirror=False),
                    label="Photo",
                    elem_id="photo",
                )
                scheme = gradio.Dropdown(
                    sorted({*schemes.SCHEMES, detector.scheme}),
                    value=detector.scheme,
                    label="Which points",
                    elem_id="scheme",
                )
                own = gradio.File(
                    file_types=[".yaml", ".yml"],
                    label="... or a scheme of your own",
                    elem_id="own",
                )
            with gradio.Column():
                picture = gradio.Image(
                    label="Points",
                    interactive=False,
                    format="png",
                    elem_id="points",
                    buttons=["download", "fullscreen"],  # none that shares it
                )
                told = gradio.HTML(elem_id="told")
            with gradio.Column():
                head = gradio.Model3D(
                    label="Head (drag to turn)",
                    interactive=False,
                    elem_id="head",
                    clear_color=(0.25, 0.25, 0.3, 1.0),
                )

        def look(file, name, mine):
            try:
                return _look(detector, file, mine or name, room)
            except UserError as error:
                told = str(error)
                for path in filter(None, (file, mine)):  # not where it lies here
                    told = told.replace(path, pathlib.Path(path).name)
                # Gradio shows it as HTML.
                told = html.escape(told, quote=False)
                raise gradio.Error(told, print_exception=False) from None

        photo.preprocess = _file_of(photo.preprocess)
        asked = [photo, scheme, own]
        for part in asked:
            part.change(look, asked, [picture, told, head])
    return page


def _file_of(read):
    """As Gradio reads an upload, but for its file: that `answering` opens alone.

    Of what is no photo Gradio would print a traceback, and show the page another.
    """

    def handed_in(upload):
        return upload.path if upload and upload.path else read(upload)

    return handed_in


def _look(detector, file, scheme, room):
    """What the page shows of a photo."""
    if file is None:
        return None, "", None
    said = answering.answer(detector, file, scheme=scheme)
    content = answering.text(said.content, pathlib.Path(file).name).encode()
    # In the page itself: nothing of it lies on a disk.
    data = f"data:application/json;base64,{base64.b64encode(content).decode()}"
    link = f'<a id="json" download="points.json" href="{data}">points.json</a>'
    model = None
    if said.head is not None:
        model = tempfile.NamedTemporaryFile(
            dir=room, suffix=".glb", prefix="head-", delete=False
        )
        with model:
            model.write(said.head)
        model = model.name
    return said.picture, f"<p>{html.escape(said.told)} {link}</p>", model
