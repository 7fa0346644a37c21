"""Serving the page: a folder of its own, a free port, gradio without its talk to the outside, and an end."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from latentinpaint.app.service import Limits
from latentinpaint.app.store import Store
from latentinpaint.errors import InputError
from latentinpaint.inpainter import Inpainter

# Read by gradio when it is imported or started; what it would otherwise tell or ask others.
_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
_PORTS_TRIED = 100
_SECONDS_BETWEEN_TIDYING = 30


@dataclass(frozen=True)
class Place:
    """Where the page is served: an address of this machine, the first port to try, what is taken from browsers."""

    host: str = "127.0.0.1"
    port: int = 7860
    limits: Limits = field(default_factory=Limits)


def require_gradio() -> None:
    """Import gradio, told to be quiet.

    Raises:
        InputError: if it is not installed.
    """
    os.environ.update(_QUIET)
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError("the page needs gradio: pip install 'latentinpaint[app]'") from error


def free_port(host: str, first: int) -> int:
    """The first port from `first` on that nobody listens on.

    Raises:
        InputError: if the host is no address of this machine, or all of 100 ports are taken.
    """
    if not 1 <= first <= 65535:
        raise InputError(f"--port is 1 to 65535, not {first}")
    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as found:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                found.bind(address)
                return port
        except socket.gaierror as error:
            raise InputError(f"--host {host} is no address of this machine") from error
        except OSError as error:
            if error.errno not in (13, 48, 98, 10013, 10048):  # forbidden or in use, on Unix and Windows
                raise InputError(f"cannot listen on --host {host}: {error.strerror}") from error
    raise InputError(f"the ports {first} to {port} are taken: choose another with --port")


@contextmanager
def served(models: dict[str, Inpainter], place: Place) -> Iterator[str]:
    """Serve the page while the block runs; gives its address. Its files are deleted afterwards.

    Raises:
        InputError: if gradio is missing, or there is no free port.
    """
    require_gradio()
    from latentinpaint.app.middleware import LOOPBACK, Guard
    from latentinpaint.app.page import LOOK, build_page

    port = free_port(place.host, place.port)
    store = Store()
    page, ended = None, threading.Event()
    # Gradio asks its own server whether it has started: not through a proxy.
    direct = ",".join([*LOOPBACK, place.host, *filter(None, [os.environ.get("NO_PROXY")])])
    before = _set({"GRADIO_TEMP_DIR": str(store.folder), "NO_PROXY": direct, "no_proxy": direct})
    try:
        from starlette.middleware import Middleware

        page = build_page(models, store, place.limits)
        body = place.limits.upload_bytes + 2**20
        hosts = LOOPBACK | {place.host} if place.host in LOOPBACK else None
        _, address, _ = page.launch(
            server_name=f"[{place.host}]" if ":" in place.host else place.host,
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            show_error=False,
            footer_links=[],
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            allowed_paths=[],
            max_file_size=place.limits.upload_bytes,
            state_session_capacity=64,
            app_kwargs={"middleware": [Middleware(Guard, store=store, body=body, hosts=hosts)], "openapi_url": None},
            **LOOK,
        )
        threading.Thread(target=_tidy, args=(store, ended), daemon=True).start()
        yield address
    finally:
        ended.set()
        if page is not None:
            page.close(verbose=False)
        _set(before)
        store.close()


def _set(values: dict[str, str | None]) -> dict[str, str | None]:
    """Set variables of the environment, remove those that are None; answers what they were."""
    before = {name: os.environ.get(name) for name in values}
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return before


def _tidy(store: Store, ended: threading.Event) -> None:
    """Painting alone sends files, too: what is too much goes while nobody asks for anything."""
    while not ended.wait(_SECONDS_BETWEEN_TIDYING):
        store.tidy()
