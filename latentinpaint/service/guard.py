"""ASGI middleware between the network and the routes: who may ask, how much may be sent, what a browser may do.

Requests under a host name that is not this machine's are refused where the service is for this machine alone;
otherwise a foreign page could reach a server on 127.0.0.1 under a name of its own (DNS rebinding). Requests of other
pages are refused everywhere. A body is counted while it comes in, and has to keep coming. The browser is told to load
nothing but the page's own files.
"""

import asyncio
import json
import logging
import time
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latentinpaint.service.refused import INTERNAL, Refused
from latentinpaint.service.settings import ServiceSettings

LOG = logging.getLogger(__name__)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_JSON_BYTES = 2**20
_FORM_BYTES = 2**20  # of a form beside its file
_SECONDS_BETWEEN_PARTS = 30.0
_SECONDS_OF_A_BODY = 600.0
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class RequestGuard:
    """ASGI middleware.

    Args:
        app: the application behind it.
        settings: which host names are taken, and the limits of a request.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self.app = app
        self.root_path = settings.root_path
        self.most_bytes = 2 * settings.limits.upload_bytes + _FORM_BYTES  # a photo and its mask
        self.hosts = _host_names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or respond with the reason of the refusal."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": _completed(message.get("headers", []))}
            await send(message)

        try:
            headers = self._check(scope)
            self._set_paths(scope)
            if scope["method"] not in ("GET", "HEAD"):
                receive = self._limited(receive, headers)
            await self.app(scope, receive, send_with_headers)
        except Refused as refusal:
            if not started:
                await _respond(send_with_headers, refusal)
        except Exception:
            LOG.exception("a request failed")
            if not started:
                await _respond(send_with_headers, Refused(500, INTERNAL))

    def _check(self, scope: Scope) -> dict[bytes, str]:
        """The headers of a request that may be made."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if self.hosts is not None and _host_name(host) not in self.hosts:
            raise Refused(421, "this server is not called by that name")
        origin = headers.get(b"origin")
        if origin is not None and _network_location(origin) != host:
            raise Refused(403, "requests of other pages are refused")
        return headers

    def _set_paths(self, scope: Scope) -> None:
        """A proxy may leave the path that it adds in place or take it away: both mean the same."""
        path = scope["path"]
        if path == self.root_path or path.startswith(f"{self.root_path}/"):
            path = path.removeprefix(self.root_path)
        scope["root_path"] = self.root_path
        scope["path"] = f"{self.root_path}{path or '/'}"

    def _limited(self, receive: Receive, headers: dict[bytes, str]) -> Receive:
        """`receive` of a body that is no larger than allowed, keeps coming, and does not break off."""
        most = self.most_bytes
        if headers.get(b"content-type", "").startswith("application/json"):
            most = _MOST_JSON_BYTES
        length = headers.get(b"content-length", "0")
        if length.isdecimal() and int(length) > most:
            raise Refused(413, f"a request has at most {most / 2**20:g} MB here")
        total = 0
        complete = False
        deadline = time.monotonic() + _SECONDS_OF_A_BODY

        async def limited() -> Message:
            nonlocal total, complete
            if complete:  # what comes now is that the client has gone
                return await receive()
            seconds = min(_SECONDS_BETWEEN_PARTS, deadline - time.monotonic())
            try:
                message = await asyncio.wait_for(receive(), max(0.0, seconds))
            except asyncio.TimeoutError as error:
                raise Refused(408, "the request took too long to arrive") from error
            if message["type"] != "http.request":
                raise Refused(400, "the request broke off")
            complete = not message.get("more_body", False)
            total += len(message.get("body", b""))
            if total > most:
                raise Refused(413, f"a request has at most {most / 2**20:g} MB here")
            return message

        return limited


def _host_names(settings: ServiceSettings) -> frozenset[str] | None:
    """The names that the service may be called by; None for any."""
    names = f"{settings.host},{settings.server_names}".lower().replace(" ", "").split(",")
    if settings.host not in LOOPBACK and not settings.server_names:
        return None
    return LOOPBACK.union(filter(None, names))


def _host_name(header: str) -> str:
    """The name in a Host header, without its port; empty for one with user information, or that cannot be parsed."""
    if "@" in header:
        return ""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:  # a bracket without its partner
        return ""


def _network_location(origin: str) -> str:
    """Host and port in an Origin header; empty if it cannot be parsed."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with those that all answers have; what is not said to be kept is asked for again."""
    names = {name.lower() for name, _ in headers}
    more = dict(_HEADERS)
    if b"cache-control" not in names:
        more["cache-control"] = "no-cache"
    return [*headers, *_encoded(more)]


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _respond(send: Send, refusal: Refused) -> None:
    content = json.dumps({"error": str(refusal)}).encode()
    headers = _encoded(
        {"content-type": "application/json", "content-length": str(len(content)), "connection": "close"}
    )
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
