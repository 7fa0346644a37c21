"""`app`: the page in the browser."""

import webbrowser
from dataclasses import dataclass

from latentinpaint.cli import serve


@dataclass(kw_only=True)
class Options(serve.Options):
    """Serve a page on this machine: choose a photo, paint over a part of it, have it filled, download the result.

    Every pixel outside the hole keeps its value, at the photo's full size and depth. The page works through the HTTP
    interface of `latentinpaint serve`, which is served as well. If the port is taken, the next free one is used.
    Ctrl-C ends it.

    Args:
        no_browser: do not open a browser.
    """

    no_browser: bool = False


def run(options: Options) -> None:
    """Serve until interrupted."""
    from latentinpaint.app import STATIC

    def open_browser(address: str) -> None:
        if not options.no_browser:
            webbrowser.open(address)

    announcement = "the page is at {address} (Ctrl-C ends it)"
    serve.run_server(options, announcement, STATIC, ports_tried=100, when_ready=open_browser)
