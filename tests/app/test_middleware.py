"""Which requests pass the filter, without gradio behind it."""

import asyncio
import json

import pytest

from latentinpaint.app.middleware import RequestFilter
from latentinpaint.app.store import Store

HOST = (b"host", b"127.0.0.1:7860")


@pytest.fixture
def store():
    store = Store()
    yield store
    store.close()


def respond(store, path, method="GET", body=b"", headers=(HOST,), hosts=frozenset({"127.0.0.1"}), breaks_off=False):
    """Status and body of the response; the application behind the filter returns 200 and the body that it got.

    With `breaks_off` the client goes after `body`, before the end of its request.
    """
    messages = [{"type": "http.request", "body": body, "more_body": breaks_off}]

    async def application(scope, receive, send):
        received = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the client is gone")
            received += message["body"]
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": received})

    async def receive():
        if messages:
            return messages.pop()
        return {"type": "http.disconnect"}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": list(headers)}
    asyncio.run(RequestFilter(application, store, max_bytes=100, hosts=hosts)(scope, receive, send))
    start, end = sent
    assert (b"referrer-policy", b"no-referrer") in start["headers"]
    return start["status"], end["body"]


@pytest.mark.parametrize(
    "path, method, status",
    [
        ("/", "GET", 200),
        ("/config/", "HEAD", 200),
        ("/assets/index.js", "GET", 200),
        ("/config", "POST", 404),
        ("/gradio_api/upload", "GET", 404),
        ("/gradio_api/upload", "POST", 200),
        ("/gradio_api/info", "GET", 404),
        ("/", "DELETE", 404),
    ],
)
def test_paths_and_methods(store, path, method, status):
    assert respond(store, path, method)[0] == status


def test_the_body_is_limited_by_its_length_and_by_its_header(store):
    upload = "/gradio_api/upload"
    assert respond(store, upload, "POST", b"x" * 100) == (200, b"x" * 100)
    assert respond(store, upload, "POST", b"x" * 101) == (413, b"the file is too large")
    assert respond(store, upload, "POST", headers=(HOST, (b"content-length", b"101")))[0] == 413


def test_a_checked_body_is_passed_on(store):
    """Files are looked for at any depth; what is not in the store is refused."""
    inside = str(store.folder / "a.png")
    for path, status in ((inside, 200), ("/etc/passwd", 403), (7, 403)):
        body = json.dumps({"data": [[{"path": path}], {"a": None}]}).encode()
        assert len(body) <= 100
        response = respond(store, "/gradio_api/queue/join", "POST", body)
        assert response[0] == status
        assert response[1] == body or status == 403
    assert respond(store, "/gradio_api/queue/join", "POST", b"{")[0] == 400


@pytest.mark.parametrize(
    "host, hosts, status",
    [
        (b"127.0.0.1", frozenset({"127.0.0.1"}), 200),
        (b"evil.example:7860", frozenset({"127.0.0.1"}), 421),
        (b"127.0.0.1@evil.example", frozenset({"127.0.0.1"}), 421),
        (b"evil.example", None, 200),
        (b"", frozenset({"127.0.0.1"}), 421),
        (b"[::1", frozenset({"::1"}), 421),
        (b"[::1]:7860", frozenset({"::1"}), 200),
        (b"[127.0.0.1", frozenset({"127.0.0.1"}), 421),
    ],
)
def test_host_names(store, host, hosts, status):
    assert respond(store, "/", headers=((b"host", host),), hosts=hosts)[0] == status
    for origin in (b"http://other.example", b"http://[other", b"null", b""):
        foreign = ((b"host", host), (b"origin", origin))
        assert respond(store, "/", headers=foreign, hosts=hosts)[0] == (421 if status == 421 else 403)


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/component_server"])
@pytest.mark.parametrize("body", [b"", b"--boundary"])
def test_a_request_that_breaks_off_is_refused_without_an_error(store, path, body):
    assert respond(store, path, "POST", body, breaks_off=True) == (400, b"the request broke off")
