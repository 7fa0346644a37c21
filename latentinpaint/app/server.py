"""Serving the page: a folder for its files, a free port, gradio without requests to other servers, and a shutdown."""

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from latentinpaint.app.middleware import LOOPBACK, RequestFilter
from latentinpaint.app.store import Store
from latentinpaint.app.uploads import Limits
from latentinpaint.errors import InputError
from latentinpaint.inpainter import Inpainter

if TYPE_CHECKING:
    import gradio as gr

# Gradio reads these when it is imported or launched: no telemetry, no requests to its hub.
_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
_PORTS_TRIED = 100
_SECONDS_BETWEEN_PRUNING = 30
# Forbidden or in use, on Unix and Windows.
_PORT_UNAVAILABLE = frozenset({13, 48, 98, 10013, 10048})


@dataclass(frozen=True)
class ServerConfig:
    """The address to listen on, the first port to try, and the limits of uploads.

    Raises:
        InputError: if there is no such port.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise InputError(f"{self.limits.names.port} is 1 to 65535, not {self.port}")


def require_gradio() -> None:
    """Import gradio with its telemetry switched off.

    Raises:
        InputError: if it is not installed.
    """
    os.environ.update(_ENVIRONMENT)
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError("the page needs gradio: pip install 'latentinpaint[app]'") from error


def free_port(config: ServerConfig) -> int:
    """The first free port from the configured one on.

    Raises:
        InputError: if the host is no address of this machine, or none of 100 ports is free.
    """
    names = config.limits.names
    end = min(config.port + _PORTS_TRIED, 65536)
    for port in range(config.port, end):
        # Gradio refuses a port that is taken on the loopback address, whatever the host is.
        if _is_free(config.host, port, names.host) and _is_free("127.0.0.1", port, names.host):
            return port
    raise InputError(f"the ports {config.port} to {end - 1} are taken: choose another {names.port}")


def _is_free(host: str, port: int, name: str) -> bool:
    try:
        family, socket_type, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket_type, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        hint = "give a name or address alone, such as 127.0.0.1 or ::1, without brackets and port"
        raise InputError(f"{name} '{host}' is no address of this machine: {hint}") from error
    except OSError as error:
        if error.errno not in _PORT_UNAVAILABLE:
            raise InputError(f"cannot listen on {name} {host}: {error.strerror}") from error
        return False
    return True


@contextmanager
def serve(models: dict[str, Inpainter], config: ServerConfig) -> Iterator[str]:
    """Serve the page inside the `with` block, which gets its address. The page's files are deleted afterwards.

    Raises:
        InputError: if gradio is missing, or there is no free port.
    """
    require_gradio()
    from latentinpaint.app.page import build_page

    port = free_port(config)
    store = Store()
    page = None
    stopped = threading.Event()
    # Gradio polls its own server at launch, which must not go through a proxy.
    no_proxy = ",".join(filter(None, [*LOOPBACK, config.host, os.environ.get("NO_PROXY")]))
    previous = _set_environment({"GRADIO_TEMP_DIR": str(store.folder), "NO_PROXY": no_proxy, "no_proxy": no_proxy})
    try:
        page = build_page(models, store, config.limits)
        address = _launch(page, store, config, port)
        threading.Thread(target=_prune_regularly, args=(store, stopped), daemon=True).start()
        yield address
    finally:
        stopped.set()
        if page is not None:
            page.close(verbose=False)
        _set_environment(previous)
        store.close()


def _launch(page: "gr.Blocks", store: Store, config: ServerConfig, port: int) -> str:
    """Start gradio's server in a thread; returns its address."""
    from starlette.middleware import Middleware

    from latentinpaint.app.page import STYLE

    host = config.host
    max_bytes = config.limits.upload_bytes
    allowed_hosts = LOOPBACK | {host} if host in LOOPBACK else None
    request_filter = Middleware(RequestFilter, store=store, max_bytes=max_bytes + 2**20, hosts=allowed_hosts)
    _, address, _ = page.launch(
        server_name=f"[{host}]" if ":" in host else host,
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
        max_file_size=max_bytes,
        state_session_capacity=64,
        app_kwargs={"middleware": [request_filter], "openapi_url": None},
        **STYLE,
    )
    return address


def _set_environment(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Set environment variables, remove those that are None; returns their previous values."""
    previous = {name: os.environ.get(name) for name in values}
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return previous


def _prune_regularly(store: Store, stopped: threading.Event) -> None:
    """Painting uploads files as well: keep the store within its limit while nobody calls a handler."""
    while not stopped.wait(_SECONDS_BETWEEN_PRUNING):
        store.prune()
