"""Serving: a port, models loaded and warm, and an end that leaves nothing behind."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.errors import InputError
from latentinpaint.inpainter import Inpainter
from latentinpaint.service.settings import ServiceSettings

if TYPE_CHECKING:
    import uvicorn

# Forbidden or in use, on Unix and Windows.
_PORT_UNAVAILABLE = frozenset({13, 48, 98, 10013, 10048})
_SECONDS_TO_END = 3
_BACKLOG = 2048


def require_server() -> None:
    """Raise an `InputError` if the libraries that the service needs are not installed."""
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InputError(f"the service needs {error.name}: pip install 'latentinpaint[app]'") from error


def listen(settings: ServiceSettings, ports_tried: int = 1) -> socket.socket:
    """A socket that listens on the first free port from the configured one on.

    Raises:
        InputError: if the host is no address of this machine, or none of `ports_tried` ports is free.
    """
    names = settings.limits.names
    end = min(settings.port + ports_tried, 65536)
    for port in range(settings.port, end):
        listener = _bound(settings.host, port, names.host)
        if listener is not None:
            return listener
    taken = f"port {settings.port} is taken"
    if end > settings.port + 1:
        taken = f"the ports {settings.port} to {end - 1} are taken"
    raise InputError(f"{taken}: choose another {names.port}")


def _bound(host: str, port: int, name: str) -> socket.socket | None:
    """None if the port is not free."""
    try:
        family, socket_type, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        hint = "give a name or address alone, such as 127.0.0.1 or ::1, without brackets and port"
        raise InputError(f"{name} '{host}' is no address of this machine: {hint}") from error
    listener = socket.socket(family, socket_type, protocol)
    try:
        if os.name == "posix":  # elsewhere it would take a port that is in use
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno not in _PORT_UNAVAILABLE:
            raise InputError(f"cannot listen on {name} {host}: {error.strerror}") from error
        return None
    return listener


@contextlib.contextmanager
def serve(
    models: dict[str, Inpainter], settings: ServiceSettings, page: Path | None = None, ports_tried: int = 1
) -> Iterator[str]:
    """Serve inside the `with` block, which gets the address. The photos are deleted afterwards.

    Args:
        models: by the names that visitors see.
        settings: how to serve.
        page: a folder of files that is served as well; None serves the API alone.
        ports_tried: ports that are tried from the configured one on.

    Raises:
        InputError: if a library is missing, or there is no free port.
    """
    require_server()
    listener = listen(settings, ports_tried)
    server = _server(models, settings, page)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield _address(settings.host, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(2 * _SECONDS_TO_END + 5)
        listener.close()


def _server(models: dict[str, Inpainter], settings: ServiceSettings, page: Path | None) -> "uvicorn.Server":
    import uvicorn

    from latentinpaint.service.application import create_application
    from latentinpaint.service.connections import ImpatientProtocol
    from latentinpaint.service.monitoring import log_to_stderr
    from latentinpaint.service.served_models import warm
    from latentinpaint.service.service import Service

    log_to_stderr(settings.log_json)
    warm(models)
    config = uvicorn.Config(
        create_application(Service(models, settings), page),
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        http=ImpatientProtocol,
        ws="none",
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )
    return uvicorn.Server(config)


def _address(host: str, port: int) -> str:
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}/"
