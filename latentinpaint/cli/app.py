"""`app`: the page in the browser."""

import signal
import sys
import threading
import webbrowser
from dataclasses import dataclass
from types import FrameType

from latentinpaint.errors import InputError


@dataclass(kw_only=True)
class Options:
    """Serve a page on this machine: choose a photo, paint over a part of it, have it filled, download the result.

    Every pixel outside the hole keeps its value, at the photo's full size and depth. Files are kept in a temporary
    folder that is deleted at the end. Ctrl-C ends it.

    Args:
        model: model files or folders of training runs, separated by commas; the page shows the folders' names.
        host: address to listen on; the default admits only this machine. There is no password: with another
            address everyone in the network can use the page.
        port: the first port to try, from 1 to 65535.
        no_browser: do not open a browser.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
        max_upload: megabytes (2^20 bytes) that a file may have.
        max_megapixels: megapixels that a photo may have.
    """

    model: str = "default"
    host: str = "127.0.0.1"
    port: int = 7860
    no_browser: bool = False
    device: str | None = None
    max_upload: float = 100.0
    max_megapixels: float = 50.0


def run(options: Options) -> None:
    """Serve until interrupted."""
    from latentinpaint.app.server import ServerConfig, require_gradio, serve

    require_gradio()
    from latentinpaint.app.models import load_models
    from latentinpaint.app.uploads import Limits, PageNames

    if not options.model.strip(" ,"):
        raise InputError("--model names no model: give a model file, or the folder of a training run")
    names = PageNames("--host", "--port", "--max-upload", "--max-megapixels")
    limits = Limits(options.max_upload, options.max_megapixels, names=names)
    config = ServerConfig(options.host, options.port, limits)
    models = load_models([options.model], options.device)
    previous = signal.signal(signal.SIGTERM, _interrupt)  # so that the temporary folder is deleted then as well
    try:
        with serve(models, config) as address:
            _announce(address, options)
            threading.Event().wait()
    except KeyboardInterrupt:
        print()  # Ctrl-C is the way to end it, not an error
    finally:
        signal.signal(signal.SIGTERM, previous)


def _announce(address: str, options: Options) -> None:
    from latentinpaint.app.middleware import LOOPBACK

    if not address.rstrip("/").endswith(f":{options.port}"):
        print(f"note: port {options.port} is taken", file=sys.stderr)
    if options.host not in LOOPBACK:
        print("note: everyone who reaches this machine can use the page", file=sys.stderr)
    print(f"the page is at {address} (Ctrl-C ends it)", flush=True)
    if not options.no_browser:
        webbrowser.open(address)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
