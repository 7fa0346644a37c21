"""`app`: the page in the browser."""

import signal
import sys
import threading
import webbrowser
from dataclasses import dataclass
from types import FrameType


@dataclass(kw_only=True)
class Options:
    """Serve a page on this machine: choose a photo, paint over a part of it, have it filled, download the result.

    Every pixel outside the hole keeps its value, at the photo's full size and depth. Files are kept in a temporary
    folder that is deleted at the end. Ctrl-C ends it.

    Args:
        model: model files or folders of training runs, several parted by commas; the page shows the folders' names.
        host: address to listen on; the default lets only this machine in. There is no password: with another
            address everyone in the network can use the page.
        port: the first port to try, from 1 to 65535.
        no_browser: do not open a browser.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
        max_upload: megabytes (2^20 bytes) that a file may have.
        max_megapixels: megapixels that a picture may have.
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
    from latentinpaint.app.server import Place, require_gradio, served

    require_gradio()
    from latentinpaint.app.middleware import LOOPBACK
    from latentinpaint.app.models import load_models
    from latentinpaint.app.service import Limits

    place = Place(options.host, options.port, Limits(options.max_upload, options.max_megapixels))
    models = load_models([options.model], options.device)
    previous = signal.signal(signal.SIGTERM, _interrupt)  # so that the temporary folder goes then, too
    try:
        with served(models, place) as address:
            if not address.rstrip("/").endswith(f":{place.port}"):
                print(f"note: port {place.port} is taken", file=sys.stderr)
            if place.host not in LOOPBACK:
                print("note: everyone who reaches this machine can use the page", file=sys.stderr)
            print(f"the page is at {address} (Ctrl-C ends it)", flush=True)
            if not options.no_browser:
                webbrowser.open(address)
            threading.Event().wait()
    except KeyboardInterrupt:
        print()  # ending it is what Ctrl-C is for: no complaint
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
