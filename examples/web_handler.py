"""A server that fills what was erased: it takes a PNG whose hole is transparent, and answers with the filled one.

    python examples/web_handler.py
    curl --data-binary @erased.png --output filled.png http://127.0.0.1:8000

A fill that takes too long is cancelled from within, so that no thread goes on computing for nobody.
"""

import io
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

from latentinpaint import Inpainter
from latentinpaint.errors import InputError

MOST_BYTES = 20_000_000
MOST_SECONDS = 60.0


class TooSlow(Exception):
    """The fill takes longer than a request may."""


def fill_erased(inpainter: Inpainter, png: bytes, most_seconds: float = MOST_SECONDS) -> bytes:
    """The picture with its transparent pixels filled, as PNG.

    Raises:
        InputError: if the picture cannot be filled; the sentence is for the one who asked.
        TooSlow: if it takes longer than `most_seconds`.
    """
    end = time.monotonic() + most_seconds

    def check_time(share: float) -> None:
        if time.monotonic() > end:
            raise TooSlow(f"{share:.0%} was done after {most_seconds} seconds")

    try:
        erased = Image.open(io.BytesIO(png)).convert("RGBA")
    except OSError as error:
        raise InputError("this is no picture that can be read") from error
    hole = np.asarray(erased)[..., 3] == 0
    filled = inpainter(erased.convert("RGB"), hole, progress=check_time)
    answer = io.BytesIO()
    filled.save(answer, "PNG")
    return answer.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Answers a POST with the filled picture, or with one sentence."""

    inpainter: Inpainter  # threads share it

    def do_POST(self) -> None:  # noqa: N802  the library's name
        size = int(self.headers.get("Content-Length", 0))
        if size > MOST_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"the picture is too large")
            return
        try:
            self._answer(HTTPStatus.OK, fill_erased(self.inpainter, self.rfile.read(size)))
        except InputError as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error).encode())
        except TooSlow as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error).encode())

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def server(inpainter: Inpainter, port: int = 8000) -> ThreadingHTTPServer:
    """A server for this machine alone; port 0 takes a free one."""
    handler = type("ModelHandler", (Handler,), {"inpainter": inpainter})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


if __name__ == "__main__":
    server(Inpainter.from_pretrained("default")).serve_forever()
