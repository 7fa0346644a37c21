"""Connections that send nothing, or half a request, are closed; those that are answered are not."""

import socket
import time
from urllib.parse import urlsplit

import pytest

from latentinpaint.service import connections, serving
from latentinpaint.service.settings import ServiceSettings


@pytest.fixture
def host(models, monkeypatch):
    """Host and port of a service that waits for half a second."""
    monkeypatch.setattr(connections, "SECONDS_TO_ASK", 0.25)
    with serving.serve(models, ServiceSettings(port=18961), ports_tried=100) as url:
        yield urlsplit(url).netloc.split(":")


def received(connection):
    """All that comes until the server closes the connection."""
    content = b""
    while part := connection.recv(65536):
        content += part
    return content


ASK = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("sent, answers", [(b"", 0), (b"GET /hea", 0), (ASK, 1), (ASK + b"GET /hea", 1)])
def test_idle_connections_are_closed(host, sent, answers):
    with socket.create_connection(host, timeout=10) as connection:
        connection.sendall(sent)
        start = time.monotonic()
        assert received(connection).count(b"HTTP/1.1 200 OK") == answers
        assert time.monotonic() - start < 4


def test_a_slow_upload_is_no_idle_connection(host):
    with socket.create_connection(host, timeout=10) as connection:
        head = b"POST /v1/photos HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 12\r\n"
        connection.sendall(head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n")
        for _ in range(12):
            time.sleep(0.1)
            connection.sendall(b"x")
        assert received(connection).startswith(b"HTTP/1.1 422 ")


def test_there_are_only_so_many(host, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 2)
    monkeypatch.setattr(connections, "SECONDS_TO_ASK", 60)
    held = [socket.create_connection(host, timeout=10) for _ in range(3)]
    try:
        assert held[2].recv(1) == b""
        held[0].sendall(ASK)
        assert held[0].recv(15) == b"HTTP/1.1 200 OK"
    finally:
        for connection in held:
            connection.close()
