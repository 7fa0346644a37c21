"""The filter before the routes: names, origins, sizes, slowness, headers, paths below a proxy's."""

import asyncio
import json

import pytest

from latentinpaint.service import guard
from latentinpaint.service.guard import RequestGuard
from latentinpaint.service.refused import Refused
from latentinpaint.service.settings import ServiceLimits, ServiceSettings

HOST = (b"host", b"127.0.0.1:7860")
LIMITS = ServiceLimits(upload=100 / 2**20)
MOST = 2 * 100 + 2**20


class Application:
    """Reads a body and answers it, and remembers the scope."""

    def __init__(self, error=None):
        self.error = error
        self.scope = None

    async def __call__(self, scope, receive, send):
        self.scope = scope
        if self.error is not None:
            raise self.error
        body = b""
        more = scope["method"] != "GET"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
        await send({"type": "http.response.body", "body": body})


def ask(path="/", method="GET", parts=(), headers=(HOST,), settings=None, application=None, then="http.disconnect"):
    """Status, headers and body of the answer to a request whose body comes in parts."""
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if waiting:
        waiting[-1]["more_body"] = then != "http.disconnect"
    application = application or Application()

    async def receive():
        if waiting:
            return waiting.pop(0)
        if then == "silence":
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": list(headers)}
    settings = settings or ServiceSettings(limits=LIMITS)
    asyncio.run(RequestGuard(application, settings)(scope, receive, send))
    start, end = sent
    return start["status"], dict(start["headers"]), end["body"]


@pytest.mark.parametrize(
    "name, host, status",
    [
        (b"127.0.0.1", "127.0.0.1", 200),
        (b"localhost:7860", "127.0.0.1", 200),
        (b"[::1]:7860", "127.0.0.1", 200),
        (b"evil.example:7860", "127.0.0.1", 421),
        (b"127.0.0.1@evil.example", "127.0.0.1", 421),
        (b"127.0.0.1.evil.example", "127.0.0.1", 421),
        (b"", "127.0.0.1", 421),
        (b"[::1", "127.0.0.1", 421),
        (b"[127.0.0.1", "127.0.0.1", 421),
        (b"evil.example", "0.0.0.0", 200),
    ],
)
def test_host_names(name, host, status):
    settings = ServiceSettings(host=host, limits=LIMITS)
    assert ask(headers=((b"host", name),), settings=settings)[0] == status
    for origin in (b"http://other.example", b"http://[other", b"null", b""):
        foreign = ((b"host", name), (b"origin", origin))
        refused = 421 if status == 421 else 403
        for method in ("GET", "POST", "DELETE"):
            assert ask(method=method, headers=foreign, settings=settings)[0] == refused or name == origin
    if status == 200:
        own = ((b"host", name), (b"origin", b"http://" + name))
        assert ask(headers=own, settings=settings)[0] == 200


def test_names_that_a_proxy_passes_on():
    for host in ("127.0.0.1", "192.168.1.2"):
        settings = ServiceSettings(host=host, server_names="Photos.example, other", limits=LIMITS)
        for name in (b"photos.example", b"PHOTOS.example:8443", b"127.0.0.1:7860", host.encode()):
            assert ask(headers=((b"host", name),), settings=settings)[0] == 200
        for name in (b"evil.example", b"photos.example.evil.example", b""):
            assert ask(headers=((b"host", name),), settings=settings)[0] == 421


def test_the_body_is_limited_by_its_length_and_by_its_header():
    assert ask(method="POST", parts=[b"x" * 60, b"y" * 60])[2] == b"x" * 60 + b"y" * 60
    assert ask(method="POST", parts=[b"x" * MOST])[0] == 200
    status, _, body = ask(method="POST", parts=[b"x" * MOST, b"x"])
    assert status == 413 and "MB here" in json.loads(body)["error"]
    for length, expected in ((b"%d" % (MOST + 1), 413), (b"%d" % MOST, 200), (b"x", 200)):
        assert ask(method="POST", parts=[b"x"], headers=(HOST, (b"content-length", length)))[0] == expected


def test_json_is_short():
    headers = (HOST, (b"content-type", b"application/json"))
    assert ask(method="POST", parts=[b"x" * 2**20], headers=headers)[0] == 200
    assert ask(method="POST", parts=[b"x" * 2**20, b"x"], headers=headers)[0] == 413


@pytest.mark.parametrize("parts", [[], [b"--boundary"]])
def test_a_request_that_breaks_off_is_refused(parts):
    if parts:
        status, _, body = ask(method="POST", parts=parts, then="silence and end")
    else:
        status, _, body = ask(method="POST")
    assert (status, json.loads(body)) == (400, {"error": "the request broke off"})


@pytest.mark.parametrize("limit", ["_SECONDS_BETWEEN_PARTS", "_SECONDS_OF_A_BODY"])
def test_a_body_has_to_keep_coming(monkeypatch, limit):
    monkeypatch.setattr(guard, limit, 0.05)
    status, _, body = ask(method="POST", parts=[b"x"], then="silence")
    assert (status, json.loads(body)) == (408, {"error": "the request took too long to arrive"})


def test_headers_of_every_answer():
    answers = [ask(), ask(headers=((b"host", b"evil.example"),)), ask(application=Application(RuntimeError("x")))]
    assert [answer[0] for answer in answers] == [200, 421, 500]
    for _, headers, _ in answers:
        policy = headers[b"content-security-policy"].decode()
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
        assert headers[b"x-content-type-options"] == b"nosniff" and headers[b"referrer-policy"] == b"no-referrer"
        assert headers[b"cache-control"] == b"no-cache"
    assert answers[0][1][b"x-own"] == b"1"


def test_a_fault_says_nothing_to_visitors(caplog):
    with caplog.at_level("ERROR", "latentinpaint.service"):
        status, _, body = ask(application=Application(RuntimeError("at /srv/secret")))
    assert status == 500 and b"secret" not in body and "at /srv/secret" in caplog.text
    assert ask(application=Application(Refused(404, "no such thing")))[::2] == (404, b'{"error": "no such thing"}')


@pytest.mark.parametrize(
    "path, seen",
    [("/fill/v1/models", "/fill/v1/models"), ("/v1/models", "/fill/v1/models"), ("/fill", "/fill/"), ("/", "/fill/")],
)
def test_a_proxy_may_strip_its_path_or_not(path, seen):
    application = Application()
    ask(path, settings=ServiceSettings(root_path="/fill", limits=LIMITS), application=application)
    assert (application.scope["root_path"], application.scope["path"]) == ("/fill", seen)
    ask("/filler", application=application)
    assert (application.scope["root_path"], application.scope["path"]) == ("", "/filler")
