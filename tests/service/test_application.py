"""The application as a whole: the page's files and nothing else, errors as JSON, a description of everything."""

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from latentinpaint.service import application, photo_store
from latentinpaint.service.application import create_application


@pytest.fixture
def page(tmp_path):
    """A folder with a page, beside a file that is nobody's business."""
    (tmp_path / "secret.txt").write_text("nobody may read this 7f3a")
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<title>page</title>")
    (folder / "main.js").write_text("// script")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def reader(service, page):
    return TestClient(create_application(service, page), base_url="http://127.0.0.1")


def test_the_page_is_served(reader):
    index = reader.get("/")
    assert index.text == "<title>page</title>" and index.headers["content-type"].startswith("text/html")
    script = reader.get("/static/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    assert reader.get("/static/main.js", headers={"If-None-Match": script.headers["etag"]}).status_code == 304


def test_without_a_page_there_is_the_interface_alone(client):
    assert client.get("/").status_code == 404 and client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/..%5csecret.txt",
        "/static//{folder}/secret.txt",
        "/static/{folder}/secret.txt",
        "/static/%2F{folder}/secret.txt",
        "/static/file://{folder}/secret.txt",
        "/static/link.txt",
        "/static/main.js%00.txt",
        "/secret.txt",
        "/../secret.txt",
        "/v1/photos/..%2f..%2fsecret.txt/file",
        "/v1/photos/..%2f..%2fsecret.txt/mask",
        "/v1/examples/..%2f..%2fsecret.txt/mask",
        "/static",
        "/static/",
    ],
)
def test_no_other_file_is_served(reader, page, form):
    path = form.format(folder=page.parent)
    answer = reader.get(reader.base_url.copy_with(raw_path=path.encode()))  # as it is, dots and all
    assert answer.status_code in (400, 403, 404), answer.text
    assert "7f3a" not in answer.text and str(page.parent) not in answer.text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/nothing", "/v1", "/v1/fill/x", "/gradio_api/info", "/config"])
def test_there_is_nothing_else(reader, path):
    answer = reader.get(path)
    assert answer.status_code == 404 and list(answer.json()) == ["error"]


def test_wrong_methods_are_json(reader):
    answer = reader.get("/v1/fill")
    assert answer.status_code == 405 and answer.json() == {"error": "Method Not Allowed"}
    assert answer.headers["allow"] == "POST"


def test_everything_is_described(client):
    described = client.get("/openapi.json").json()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
    for path in ("/v1/fill", "/v1/jobs/fill", "/v1/photos/{photo_id}/file", "/v1/jobs/{job_id}/events"):
        assert path in described["paths"]
    for status in ("413", "415", "422", "429", "503"):
        assert status in described["paths"]["/v1/fill"]["post"]["responses"]


def test_malformed_bodies_are_one_sentence(client):
    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    bodies = [
        (b"", form),
        (b"--edge", form),
        (b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nx', form),
        (b"--edge\r\n\r\n\r\n--edge--\r\n", form),
        (b"x" * 1000, {"Content-Type": "multipart/form-data"}),
        (b"\xff" * 100, {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"--edge\r\n" + b"A: b\r\n" * 5000, form),
        (
            b"".join(b'--edge\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % n for n in range(1500)),
            form,
        ),
        (
            b'--edge\r\nContent-Disposition: form-data; name="image"\r\n\r\n'
            + b"x" * 1_100_000
            + b"\r\n--edge--\r\n",
            form,
        ),
    ]
    for content, headers in bodies:
        answer = client.post("/v1/photos", content=content, headers=headers)
        assert answer.status_code in (400, 413, 422) and answer.json()["error"], answer.text
    for content in (
        b"",
        b"{",
        b"[" * 5000,
        b'{"photo": 1}',
        b"null",
        b'{"photo": "' + b"x" * 100 + b'"}',
        b"\xff\xfe",
    ):
        answer = client.post("/v1/select", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422) and answer.json()["error"], answer.text
    huge = client.post("/v1/select", content=b" " * (2**20 + 1), headers={"Content-Type": "application/json"})
    assert huge.status_code == 413


def test_a_body_that_is_too_large_is_refused_while_it_comes(client):
    """Without a length that could be looked at first: parts stop being taken at the limit."""
    taken = []

    def parts():
        yield b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for number in range(40):
            taken.append(number)
            yield b"x" * 2**20

    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    answer = client.post("/v1/photos", content=parts(), headers=form)
    assert answer.status_code == 413 and answer.json() == {"error": "a request has at most 5 MB here"}


def test_pages_are_no_place_for_python():
    """What is mounted is data: nothing of the package's code lies in the page's folder."""
    from latentinpaint.app import STATIC

    assert not list(Path(STATIC).rglob("*.py"))


def test_photos_that_nobody_uses_go_though_none_is_sent(service, file_of, photo, monkeypatch):
    """The last one too; those in use stay."""
    monkeypatch.setattr(application, "_SECONDS_BETWEEN_PRUNINGS", 0.01)
    with TestClient(create_application(service), base_url="http://127.0.0.1") as client:
        client.post("/v1/photos", files={"image": ("a.png", file_of(photo))})
        time.sleep(0.1)
        assert len(service.store) == 1
        monkeypatch.setattr(photo_store, "LONGEST_IDLE", 0.05)
        deadline = time.monotonic() + 10
        while len(service.store) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(service.store) == 0 and list(service.store.folder.iterdir()) == []


def test_the_end_of_the_application_is_that_of_the_service(service):
    with TestClient(create_application(service), base_url="http://127.0.0.1") as client:
        client.get("/health")
    assert not service.store.folder.exists()
    assert not any(worker.is_alive() for worker in service.jobs._workers)
