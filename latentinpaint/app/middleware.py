"""At the door of the page's server: what the page itself never asks for is refused, before gradio sees it.

Gradio answers much more than this page needs: it fetches addresses for a client, lists its functions, tells of its
traffic. Here only the page's own requests pass; files are given out of the page's folder alone; a request's files
have to lie there too; a request is no larger than an upload may be; and the browser is told to load nothing from
elsewhere. A request under a name that is not this machine's is refused, or a foreign page could speak to a server on
127.0.0.1 under a name of its own (DNS rebinding).
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
_READ = frozenset({"/", "/config", "/theme.css", "/favicon.ico", "/manifest.json"}) | {
    API + name for name in ("startup-events", "queue/data", "upload_progress")
}
_READ_BELOW = ("/assets/", "/static/", API + "heartbeat/")
_WRITE = frozenset(API + name for name in ("upload", "queue/join", "component_server", "cancel", "reset"))
_JSON_BYTES = 2**20
_HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Refused(Exception):
    """A request that does not pass: a status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        store: the only folder that files are given out of.
        body: bytes of a request, at most.
        hosts: names and addresses that the server may be called by; None allows all.
    """

    def __init__(self, app: Callable, store: Store, body: int, hosts: frozenset[str] | None) -> None:
        self.app, self.store, self.body, self.hosts = app, store, body, hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": [*message.get("headers", []), *_encoded(_HEADERS)]}
            await send(message)

        try:
            self._check(scope)
            if scope["path"].rstrip("/") == API + "queue/join":
                receive = await self._checked_body(receive)
            await self.app(scope, self._counted(receive), send_guarded)
        except Refused as refusal:
            if not started:
                await _answer(send_guarded, refusal)

    def _check(self, scope: Message) -> None:
        if scope["type"] != "http":
            raise Refused(404, "not here")
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        name = _host(headers.get(b"host", ""))
        if self.hosts is not None and name not in self.hosts:
            raise Refused(421, "this server is not called by that name")
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != headers.get(b"host"):
            raise Refused(403, "requests of other pages are refused")
        path, method = scope["path"], scope["method"]
        path = path if path == "/" else path.rstrip("/")
        if method in ("GET", "HEAD"):
            if path.startswith(_FILE):
                if not self.store.holds(path.removeprefix(_FILE)):
                    raise Refused(404, "there is no such file")
                return
            if path in _READ or path.startswith(_READ_BELOW):
                return
        elif method == "POST" and path in _WRITE:
            if int(headers.get(b"content-length", 0) or 0) > self.body:
                raise Refused(413, "the file is too large")
            return
        raise Refused(404, "not here")

    def _counted(self, receive: Receive) -> Receive:
        total = 0

        async def counted() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self.body:
                raise Refused(413, "the file is too large")
            return message

        return counted

    async def _checked_body(self, receive: Receive) -> Receive:
        """Read a small JSON body, look at the files in it, and answer what gives it once more."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Refused(400, "the request broke off")
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > _JSON_BYTES:
                raise Refused(413, "the request is too large")
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refused(400, "the request is no JSON") from error
        if not all(isinstance(path, str) and self.store.holds(path) for path in _paths(content)):
            raise Refused(403, "a file of the request was not uploaded here")
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return again


def _paths(content: Any) -> Iterator[Any]:  # noqa: ANN401  any JSON
    """The value of every "path" in JSON, however deep."""
    waiting = [content]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if found.get("path") is not None:
                yield found["path"]
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def _host(header: str) -> str:
    """The name in a Host header, without its port."""
    return (urlsplit(f"//{header}").hostname or "") if "@" not in header else ""


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _answer(send: Send, refusal: Refused) -> None:
    headers = _encoded({"content-type": "text/plain; charset=utf-8"})
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": str(refusal).encode()})
