"""`app` and `serve`: they start, print their address and end quietly; errors are one sentence."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest


def test_without_its_libraries_it_says_what_to_install(command, model_files, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    for name in ("app", "serve"):
        result = command(name, "--model", model_files["ffc"])
        assert result.status == 2
        assert result.complaints == [
            f"latentinpaint {name}: the service needs fastapi: pip install 'latentinpaint[app]'"
        ]


@pytest.mark.parametrize(
    "options, words",
    [
        (["--model", "./nowhere/model"], "there is no model file nowhere/model"),
        (["--model", "{ffc},nowhere"], "there is no model file nowhere"),
        (["--model", "{autoencoder}"], "train a refiner on it"),
        (["--model", "{ffc}", "--port", "0"], "--port is 1 to 65535"),
        (["--model", "{ffc}", "--host", "192.0.2.1"], "cannot listen on --host 192.0.2.1"),
        (["--model", "{ffc}", "--max-upload", "0"], "--max-upload is a number above 0, not 0"),
        (["--model", "{ffc}", "--max-megapixels", "-1"], "--max-megapixels is a number above 0, not -1"),
        (["--model", "{ffc}", "--max-store", "0"], "--max-store is a number above 0, not 0"),
        (["--model", "{ffc}", "--time-limit", "0"], "--time-limit is a number above 0, not 0"),
        (["--model", "{ffc}", "--workers", "0"], "--workers starts at 1"),
        (["--model", "{ffc}", "--queue", "0"], "--queue starts at 1"),
        (["--model", "{ffc}", "--root-path", "fill"], "--root-path is a path such as /fill, not fill"),
        (["--model", " , "], "--model names no model"),
        (["--model", "{ffc}", "--device", "abacus"], "the device abacus cannot be used"),
        (["--model", "{ffc}", "--share"], "unknown option"),
    ],
)
def test_mistakes_are_one_sentence(command, model_files, options, words):
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    places = {name: str(path) for name, path in model_files.items()}
    filled = [option.format(**places) for option in options]
    for name in ("serve", "app"):
        result = command(name, *filled)
        assert result.status == 2 and len(result.complaints) == 1 and words in result.complaints[0]


def test_it_serves_until_it_is_stopped(model_files, tmp_path):
    """On the next port where one is taken, with its log; and leaves nothing behind, neither words nor files."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ["--model", model_files["ffc"], "--no-browser", "--log-json", "--port", str(port)]
        process = subprocess.Popen(
            [sys.executable, "-m", "latentinpaint", "app", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A proxy that is not there: nothing may go through it.
            env=os.environ
            | {"TMPDIR": str(tmp_path), "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
        )
        try:
            line = process.stdout.readline()
            found = re.search(r"the page is at (http://127\.0\.0\.1:(\d+)/)", line)
            assert found and port < int(found[2]) <= port + 100
            for path in ("", "health"):
                with urllib.request.urlopen(f"{found[1]}{path}", timeout=30) as response:
                    assert response.status == 200
            assert list(tmp_path.glob("latentinpaint-*"))
            process.send_signal(signal.SIGTERM)  # taken as Ctrl-C, which a shell may have switched off
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    note, *log = err.splitlines()
    assert process.returncode == 0 and out.strip() == "" and note == f"note: port {port} is taken"
    entries = [json.loads(line) for line in log]
    assert [(entry["route"], entry["status"]) for entry in entries] == [("/", 200), ("/health", 200)]
    assert list(tmp_path.glob("latentinpaint-*")) == []
