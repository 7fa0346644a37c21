"""Real connections: ports, sub-paths, slow and many clients, and an end that leaves nothing."""

import http.client
import json
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from latentinpaint.errors import InputError
from latentinpaint.service import serving
from latentinpaint.service.job import JobStopped
from latentinpaint.service.settings import ServiceLimits, ServiceSettings

EDGE = "edge7f3a"
FORM = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(models):
    """The address of a service that runs, without the last slash."""
    limits = ServiceLimits(upload=2, megapixels=0.5, store=16, visitor_jobs=4, queue=4)
    settings = ServiceSettings(port=free_port(), root_path="/fill", workers=2, limits=limits)
    with serving.serve(models, settings, ports_tried=20) as url:
        yield url.rstrip("/")


def request(address, method, path, body=None, headers=None):
    """Status, headers and body of the answer."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def form(**files):
    """The body of a form with files."""
    parts = []
    for name, content in files.items():
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.png"\r\n\r\n'
        parts += [head.encode(), content, b"\r\n"]
    return b"".join([*parts, f"--{EDGE}--\r\n".encode()])


def test_it_answers_below_its_path_and_without(address):
    for path in ("/fill/health", "/health"):
        status, headers, body = request(address, "GET", path)
        assert status == 200 and json.loads(body)["status"] == "ok" and "server" not in headers
    assert request(address, "GET", "/other/health")[0] == 404


def test_other_names_and_other_pages_are_refused(address):
    assert request(address, "GET", "/health", headers={"Host": "localhost:1"})[0] == 200
    assert request(address, "GET", "/health", headers={"Host": "evil.example"})[0] == 421
    for origin in ("http://evil.example", "null"):
        assert request(address, "POST", "/v1/photos", b"", {"Origin": origin})[0] == 403
    assert request(address, "GET", "/health", headers={"Origin": address})[0] == 200


def test_a_body_without_a_length_is_counted(address):
    chunks = (b"x" * 2**20 for _ in range(30))
    try:
        status, _, _ = request(address, "POST", "/v1/photos", chunks, FORM)
    except (BrokenPipeError, ConnectionResetError):  # refused before all was sent
        status = 413
    assert status in (400, 413)
    assert request(address, "GET", "/health")[0] == 200


def test_broken_forms_do_not_fill_the_log(address, caplog):
    for _ in range(3):
        status, _, _ = request(address, "POST", "/v1/photos", b"xx" * 99, FORM)
        assert status == 400
    assert caplog.records == []


def test_a_client_that_goes_away_ends_its_job(address, models, file_of, helpers, hole, monkeypatch):
    """The request is broken off while its job runs, which would go on for long; it is stopped soon after."""
    begun = threading.Event()
    stopped = threading.Event()

    def endless(picture, hole, options, report):
        begun.set()
        try:
            for _ in range(1000):
                report(0.5)
                time.sleep(0.01)
        except JobStopped:
            stopped.set()
            raise

    monkeypatch.setattr(models["ffc"], "fill", endless)
    body = form(image=file_of(helpers.smooth(40, 48)), mask=file_of(hole))
    with socket.create_connection(urlsplit(address).netloc.split(":"), timeout=10) as connection:
        head = f"POST /v1/fill HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM['Content-Type']}\r\n"
        connection.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert begun.wait(10) and not stopped.is_set()
    assert stopped.wait(5)
    deadline = time.monotonic() + 10
    health = {}
    while time.monotonic() < deadline and (health.get("waiting"), health.get("running")) != (0, 0):
        time.sleep(0.05)
        health = json.loads(request(address, "GET", "/health")[2])
    assert (health["waiting"], health["running"]) == (0, 0)


def test_many_open_connections_do_not_keep_others_out(address):
    """Silent ones, ones that sent half a head, and ones in the middle of an upload."""
    host = urlsplit(address).netloc.split(":")
    halves = (
        b"",
        b"GET /health HTTP/1.1\r\nHos",
        b"POST /v1/photos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx",
    )
    held = []
    try:
        for number in range(300):
            held.append(socket.create_connection(host, timeout=10))
            held[-1].sendall(halves[number % 3])
        start = time.monotonic()
        assert request(address, "GET", "/health")[0] == 200
        assert time.monotonic() - start < 5
    finally:
        for connection in held:
            connection.close()


def test_two_hundred_requests_are_answered(address, file_of, helpers, hole, array_of, models):
    """Eight clients at once, more than there is room for: each answer is the right picture, or says to wait."""
    photo = helpers.smooth(40, 48)
    body = form(image=file_of(photo), mask=file_of(hole))
    wanted = models["ffc"](photo, hole)
    statuses = []

    def ask():
        for _ in range(25):
            status, _, content = request(address, "POST", "/v1/fill", body, FORM)
            statuses.append(status)
            if status == 200:
                assert np.array_equal(array_of(content), wanted)
            else:
                assert json.loads(content)["error"]

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(statuses) == 200 and set(statuses) <= {200, 429, 503} and statuses.count(200) >= 20


def test_a_taken_port_and_the_end(models, monkeypatch):
    """The next port is taken, no other host is contacted, and the photos are deleted."""
    contacted = set()
    connect = socket.socket.connect

    def noted(self, where):
        contacted.add(where[0])
        return connect(self, where)

    folders = []
    from latentinpaint.service import photo_store

    make = photo_store.tempfile.mkdtemp
    monkeypatch.setattr(
        photo_store.tempfile, "mkdtemp", lambda **options: folders.append(make(**options)) or folders[-1]
    )
    monkeypatch.setattr(socket.socket, "connect", noted)
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = ServiceSettings(port=taken.getsockname()[1])
        with pytest.raises(InputError, match=f"^port {settings.port} is taken: choose another port$"):
            serving.listen(settings)
        with serving.serve(models, settings, ports_tried=100) as url:
            assert settings.port < urlsplit(url).port <= settings.port + 100
            assert request(url, "GET", "/health")[0] == 200
            assert Path(folders[0]).is_dir()
    assert not Path(folders[0]).exists() and contacted == {"127.0.0.1"}
    assert threading.active_count() <= before + 1


def test_addresses_that_cannot_be_used():
    for host in ("no.such.host.invalid", "[::1]", "127.0.0.1:7860", "http://localhost", " 127.0.0.1"):
        with pytest.raises(InputError, match="is no address of this machine: give a name or address alone"):
            serving.listen(ServiceSettings(host))
    with pytest.raises(InputError, match="cannot listen on host 192.0.2.1"):
        serving.listen(ServiceSettings("192.0.2.1"))
