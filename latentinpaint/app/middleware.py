"""ASGI middleware that refuses every request that the page itself never makes, before gradio sees it.

Gradio offers far more than this page needs: it fetches URLs for a client, lists its functions, reports its traffic.
Here only the page's own requests pass. Files are served from the store's folder alone, files that a request names
have to lie there too, the size of a request is limited to that of an upload, and the browser is told to load nothing
from other servers. Requests under a host name that is not this machine's are refused; otherwise a foreign page could
reach a server on 127.0.0.1 under a name of its own (DNS rebinding).
"""

import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from latentinpaint.app.store import Store

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

API = "/gradio_api/"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FILE = API + "file="
_GET_PATHS = frozenset(
    {
        *("/", "/config", "/theme.css", "/favicon.ico", "/manifest.json"),
        *(API + "startup-events", API + "queue/data", API + "upload_progress"),
    }
)
_GET_PREFIXES = ("/assets/", "/static/", API + "heartbeat/")
_POST_PATHS = frozenset(API + name for name in ("upload", "queue/join", "component_server", "cancel", "reset"))
_MAX_JSON_BYTES = 2**20
_HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class RequestRefused(Exception):
    """A request that does not pass, with the HTTP status and message of the response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RequestFilter:
    """ASGI middleware.

    Args:
        app: the application behind it.
        store: the only folder that files are served from.
        max_bytes: the largest request body.
        hosts: host names and addresses that the server may be called by; None allows all.
    """

    def __init__(self, app: Callable, store: Store, max_bytes: int, hosts: frozenset[str] | None) -> None:
        self.app = app
        self.store = store
        self.max_bytes = max_bytes
        self.hosts = hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or respond with the reason of the refusal."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": [*message.get("headers", []), *_encoded(_HEADERS)]}
            await send(message)

        try:
            self._check(scope)
            if scope["path"].rstrip("/") == API + "queue/join":
                receive = await self._checked_body(receive)
            if scope["method"] == "POST":
                receive = self._limited(receive)
            await self.app(scope, receive, send_with_headers)
        except RequestRefused as refusal:
            if not started:
                await _respond(send_with_headers, refusal)

    def _check(self, scope: Message) -> None:
        if scope["type"] != "http":
            raise RequestRefused(404, "not here")
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        self._check_host(headers)
        path = scope["path"]
        if path != "/":
            path = path.rstrip("/")
        if scope["method"] in ("GET", "HEAD"):
            self._check_get(path)
        elif scope["method"] == "POST":
            self._check_post(path, headers)
        else:
            raise RequestRefused(404, "not here")

    def _check_host(self, headers: dict[bytes, str]) -> None:
        host = headers.get(b"host", "")
        if self.hosts is not None and _host_name(host) not in self.hosts:
            raise RequestRefused(421, "this server is not called by that name")
        origin = headers.get(b"origin")
        if origin is not None and _network_location(origin) != headers.get(b"host"):
            raise RequestRefused(403, "requests of other pages are refused")

    def _check_get(self, path: str) -> None:
        if path.startswith(_FILE):
            if not self.store.contains(path.removeprefix(_FILE)):
                raise RequestRefused(404, "there is no such file")
        elif path not in _GET_PATHS and not path.startswith(_GET_PREFIXES):
            raise RequestRefused(404, "not here")

    def _check_post(self, path: str, headers: dict[bytes, str]) -> None:
        if path not in _POST_PATHS:
            raise RequestRefused(404, "not here")
        if int(headers.get(b"content-length") or 0) > self.max_bytes:
            raise RequestRefused(413, "the file is too large")

    def _limited(self, receive: Receive) -> Receive:
        """`receive` of a body that has at most `max_bytes` and does not break off."""
        total = 0
        complete = False

        async def limited() -> Message:
            nonlocal total, complete
            message = await receive()
            if message["type"] != "http.request":
                if complete:
                    return message
                raise RequestRefused(400, "the request broke off")
            complete = not message.get("more_body", False)
            total += len(message.get("body", b""))
            if total > self.max_bytes:
                raise RequestRefused(413, "the file is too large")
            return message

        return limited

    async def _checked_body(self, receive: Receive) -> Receive:
        """Read a small JSON body and check the files that it names; returns a function that gives the body again."""
        body = await _read_body(receive)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RequestRefused(400, "the request is no JSON") from error
        for path in _paths(content):
            if not isinstance(path, str) or not self.store.contains(path):
                raise RequestRefused(403, "a file of the request was not uploaded here")
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        return replay


async def _read_body(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise RequestRefused(400, "the request broke off")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _MAX_JSON_BYTES:
            raise RequestRefused(413, "the request is too large")
    return body


def _paths(content: Any) -> Iterator[Any]:
    """The value of every "path" in JSON, at any depth."""
    remaining = [content]
    while remaining:
        value = remaining.pop()
        if isinstance(value, dict):
            if value.get("path") is not None:
                yield value["path"]
            remaining.extend(value.values())
        elif isinstance(value, list):
            remaining.extend(value)


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


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _respond(send: Send, refusal: RequestRefused) -> None:
    headers = _encoded({"content-type": "text/plain; charset=utf-8"})
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": str(refusal).encode()})
