"""The page's server by real HTTP requests: what it serves, and above all what it refuses."""

import http.client
import json
import os
import socket
import threading
import uuid
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from PIL import Image

EDGE = "edge7f3a"
FORM = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
SECRET = b"nobody may read this 7f3a"
pytest.importorskip("gradio", reason="gradio is not installed")


def request(address, method, path, body=None, headers=None):
    """Status, headers and body of the response to a request whose path is sent unchanged, dots and all."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def part(content, name="photo.png"):
    """A file in a form, up to the next border."""
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n"


def upload(address, content):
    """Status and response of an upload as the page's own."""
    form = part(content) + f"--{EDGE}--\r\n".encode()
    status, _, response = request(address, "POST", "/gradio_api/upload", form, FORM)
    return status, response


def join(address, data, name="load", session="abc123"):
    """Status and response of a call of one of the page's functions, as its script makes it."""
    config = json.loads(request(address, "GET", "/config")[2])
    number = next(entry["id"] for entry in config["dependencies"] if entry["api_name"] == name)
    content = json.dumps({"data": data, "fn_index": number, "session_hash": session})
    headers = {"Content-Type": "application/json"}
    status, _, response = request(address, "POST", "/gradio_api/queue/join", content, headers)
    return status, response


def file_data(path):
    return {"path": str(path), "orig_name": "photo.png", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def secret(tmp_path):
    """A file in the system's temporary folder, which gradio serves by default."""
    path = tmp_path / "secret.png"
    path.write_bytes(SECRET)
    return path


def test_the_page_loads_nothing_from_other_servers(address):
    status, headers, body = request(address, "GET", "/")
    assert status == 200 and b"latentinpaint" in body
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_an_upload_can_be_read_and_used(address):
    """The counterpart of all refusals below: what lies in the page's folder is read by the same requests."""
    status, response = upload(address, SECRET)
    (path,) = json.loads(response)
    assert status == 200
    assert request(address, "GET", f"/gradio_api/file={quote(path)}")[::2] == (200, SECRET)
    assert join(address, [file_data(path), None, False])[0] == 200


def outputs(address, name, data):
    """The values of the components that a call of one of the page's functions changes, in their order."""
    session = uuid.uuid4().hex
    assert join(address, data, name, session)[0] == 200
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request("GET", f"/gradio_api/queue/data?session_hash={session}")
        for line in connection.getresponse():
            event = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: ") else {}
            if event.get("msg") == "process_completed":
                assert event["success"], event
                return event["output"]["data"]
    finally:
        connection.close()


def test_a_fill_by_the_pages_own_requests(address, tmp_path, helpers):
    """Every value arrives at its component: status, slider, gallery, uncertainty, difference, tabs, downloads."""
    hole = np.zeros((40, 48), bool)
    hole[10:20, 10:30] = True
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "photo.png")
    helpers.write_hole(tmp_path / "mask.png", hole)
    files = []
    for name in ("photo.png", "mask.png"):
        files.append(file_data(json.loads(upload(address, (tmp_path / name).read_bytes())[1])[0]))
    editor, status, *rest = outputs(address, "load", [*files, False])
    assert editor["visible"] and "48×40 pixels" in status and "mask of" in status
    assert not any(rest[:4])
    status, slider, gallery, uncertainty, difference, *tabs, download, download_mask, _ = outputs(
        address, "fill", [*files, False, None, "flow", 2, 2, 0, False]
    )
    assert status.startswith("Filled") and len(slider) == 2 and len(gallery) == 2
    assert uncertainty is not None and difference is None
    assert [tab["visible"] for tab in tabs] == [True, True]
    for button in (download, download_mask):
        path = button["value"]["path"]
        assert request(address, "GET", f"/gradio_api/file={quote(path)}")[0] == 200
    assert outputs(address, "options", ["ffc"])[0]["label"] == "One sample"


@pytest.mark.parametrize(
    "form",
    [
        "/gradio_api/file={path}",
        "/file={path}",
        "/gradio_api/file/{path}",
        "/gradio_api/file={folder}/../..{path}",
        "/gradio_api/file={folder}/%2e%2e/%2e%2e{path}",
        "/gradio_api/file=%2F{path}",
        "/gradio_api/file=file://{path}",
        "/gradio_api/file={path}%00.png",
        "/static/../../../../../../../../..{path}",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e{path}",
        "/assets/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2f..{path}",
        "/assets//{path}",
        "/gradio_api/file={link}",
    ],
)
@pytest.mark.parametrize("which", ["secret", "passwd", "source"])
def test_no_other_file_is_served(address, secret, form, which):
    path = {"secret": secret, "passwd": Path("/etc/passwd"), "source": Path(__file__)}[which]
    uploaded = Path(json.loads(upload(address, b"x")[1])[0])
    link = uploaded.parent / f"link_{which}.png"
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    requested = form.format(path=path, folder=uploaded.parent, link=link)
    status, _, body = request(address, "GET", requested)
    assert status in (400, 403, 404), body[:200]
    assert path.read_bytes()[:20] not in body


@pytest.mark.parametrize("where", ["photo", "mask", "editor"])
def test_a_call_cannot_name_a_file_of_the_server(address, secret, where):
    for path in (secret, "/etc/passwd", "http://127.0.0.1:9/x.png", "../../etc/passwd", 7):
        named = file_data(path) if path != 7 else {**file_data(""), "path": 7}
        if where == "editor":
            uploaded = file_data(json.loads(upload(address, b"x")[1])[0])
            editor = {"background": named, "layers": [named], "composite": None}
            status, response = join(address, [uploaded, None, False, editor, "ffc", 1, 1, 0, False], "fill")
        else:
            data = [named, None, False] if where == "photo" else [None, named, False]
            status, response = join(address, data)
        assert (status, response) == (403, b"a file of the request was not uploaded here")


def test_no_address_is_fetched_for_a_client(address):
    """Neither by a call nor by gradio's proxy routes."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        target = f"http://127.0.0.1:{listener.getsockname()[1]}/x.png"
        for path in (f"/gradio_api/file={target}", f"/gradio_api/proxy={target}", f"/file={target}"):
            assert request(address, "GET", path)[0] == 404
        join(address, [file_data(target), None, False])
        try:
            connections.append(listener.accept())
        except TimeoutError:
            pass
    assert connections == []


@pytest.mark.parametrize(
    "path",
    [
        *("/docs", "/redoc", "/openapi.json", "/gradio_api/openapi.json", "/gradio_api/info", "/monitoring"),
        *("/gradio_api/runs", "/gradio_api/vibe-code/", "/gradio_api/app_id", "/gradio_api/mcp/", "/gradio_api"),
    ],
)
def test_routes_that_the_page_does_not_need_are_missing(address, path):
    assert request(address, "GET", path)[0] == 404
    assert request(address, "POST", path, "{}", {"Content-Type": "application/json"})[0] == 404


def test_other_names_and_other_pages_are_refused(address):
    port = urlsplit(address).port
    assert request(address, "GET", "/", headers={"Host": f"localhost:{port}"})[0] == 200
    assert request(address, "GET", "/", headers={"Host": f"evil.example:{port}"})[0] == 421
    assert request(address, "GET", "/", headers={"Host": f"127.0.0.1@evil.example:{port}"})[0] == 421
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{port + 1}"):
        assert request(address, "POST", "/gradio_api/upload", b"", {"Origin": origin})[0] == 403
    assert request(address, "GET", "/config", headers={"Origin": address})[0] == 200


def test_an_upload_is_no_larger_than_allowed(address):
    assert upload(address, b"x" * (2 * 2**20 - 1000))[0] == 200
    assert upload(address, b"x" * (2 * 2**20 + 1000))[0] == 413
    assert upload(address, b"x" * (4 * 2**20))[0] == 413
    # Files that are small enough each, sent without a length that could be looked at first.
    chunks = (part(b"x" * 2**20, f"{number}.png") for number in range(5))
    try:
        status, _, _ = request(address, "POST", "/gradio_api/upload", chunks, FORM)
    except (BrokenPipeError, ConnectionResetError):  # refused before all was sent
        status = 413
    assert status == 413
    assert request(address, "POST", "/gradio_api/queue/join", b'{"data": ["' + b"x" * 2**20 + b'"]}')[0] == 413
    assert request(address, "POST", "/gradio_api/queue/join", b"no json")[0] == 400


def test_a_taken_port_and_the_end(model_files, monkeypatch):
    """The next port is taken, no other host is contacted, and the folder is deleted."""
    from latentinpaint.app import server
    from latentinpaint.app.models import load_models
    from latentinpaint.app.store import Store

    contacted, stores = set(), []
    connect = socket.socket.connect

    def noted(self, where):
        contacted.add(where[0])
        return connect(self, where)

    class Noted(Store):
        def __init__(self):
            super().__init__()
            stores.append(self)

    monkeypatch.setattr(socket.socket, "connect", noted)
    monkeypatch.setattr(server, "Store", Noted)
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with server.serve(load_models([str(model_files["ffc"])], "cpu"), server.ServerConfig(port=port)) as address:
            assert port < urlsplit(address).port <= port + 100
            assert request(address, "GET", "/")[0] == 200
            assert json.loads(upload(address, SECRET)[1])[0].startswith(str(stores[0].folder))
    assert not stores[0].folder.exists() and "GRADIO_TEMP_DIR" not in os.environ
    assert contacted == {"127.0.0.1"}
    assert threading.active_count() <= before + 2


def test_addresses_that_cannot_be_used():
    from latentinpaint.app.server import ServerConfig, free_port
    from latentinpaint.app.uploads import Limits, PageNames
    from latentinpaint.errors import InputError

    with pytest.raises(InputError, match="^port is 1 to 65535, not 0"):
        ServerConfig("127.0.0.1", 0)
    for host in ("no.such.host.invalid", "[::1]", "[::]", "127.0.0.1:7860", "http://localhost", " 127.0.0.1"):
        with pytest.raises(InputError, match=r"^host '.*' is no address of .*without brackets and port"):
            free_port(ServerConfig(host))
    with pytest.raises(InputError, match="cannot listen on --bind 192.0.2.1"):
        free_port(ServerConfig("192.0.2.1", limits=Limits(names=PageNames(host="--bind"))))
    with socket.create_server(("", 65535)), pytest.raises(InputError, match="65535 are taken: choose another port"):
        free_port(ServerConfig(port=65535))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "::", "0.0.0.0", "localhost"])
def test_a_port_that_the_loopback_address_lacks_is_not_free(host):
    """Gradio looks there, whatever the host is."""
    from latentinpaint.app.server import ServerConfig, free_port
    from latentinpaint.errors import InputError

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        try:
            found = free_port(ServerConfig(host, port))
        except InputError as error:
            pytest.skip(f"this machine lacks {host}: {error}")
    assert port < found <= port + 100
