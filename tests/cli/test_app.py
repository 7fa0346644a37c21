"""`app`: it starts, prints its address and ends quietly; errors are one sentence."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest


def test_without_gradio_it_says_what_to_install(command, model_files, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    result = command("app", "--model", model_files["ffc"], "--no-browser")
    assert result.status == 2
    assert result.complaints == ["latentinpaint app: the page needs gradio: pip install 'latentinpaint[app]'"]


@pytest.mark.parametrize(
    "options, words",
    [
        (["--model", "nowhere/model"], "there is no model file nowhere/model"),
        (["--model", "{ffc},nowhere"], "there is no model file nowhere"),
        (["--model", "{autoencoder}"], "train a refiner on it"),
        (["--model", "{ffc}", "--port", "0"], "--port is 1 to 65535"),
        (["--model", "{ffc}", "--host", "192.0.2.1"], "cannot listen on --host 192.0.2.1"),
        (["--model", "{ffc}", "--max-upload", "0"], "--max-upload is a number above 0, not 0"),
        (["--model", "{ffc}", "--max-megapixels", "-1"], "--max-megapixels is a number above 0, not -1"),
        (["--model", " , "], "--model names no model"),
        (["--model", "{ffc}", "--device", "abacus"], "the device abacus cannot be used"),
        (["--model", "{ffc}", "--share"], "unknown option"),
    ],
)
def test_mistakes_are_one_sentence(command, model_files, options, words):
    pytest.importorskip("gradio", reason="gradio is not installed")
    places = {name: str(path) for name, path in model_files.items()}
    result = command("app", *(option.format(**places) for option in options), "--no-browser")
    assert result.status == 2 and len(result.complaints) == 1 and words in result.complaints[0]


def test_it_serves_until_it_is_stopped(model_files, tmp_path):
    """On the next port where one is taken; and leaves nothing behind, neither words nor files."""
    pytest.importorskip("gradio", reason="gradio is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        script = "from latentinpaint.cli import main; main('app')"
        running = subprocess.Popen(
            [sys.executable, "-c", script, "--model", model_files["ffc"], "--no-browser", "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A proxy that is not there: nothing may go through it.
            env=os.environ
            | {"TMPDIR": str(tmp_path), "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
        )
        try:
            line = running.stdout.readline()
            found = re.search(r"the page is at (http://127\.0\.0\.1:(\d+)/)", line)
            assert found and port < int(found[2]) <= port + 100
            with urllib.request.urlopen(found[1], timeout=30) as response:
                assert response.status == 200
            assert [path.name for path in tmp_path.glob("latentinpaint-app-*")]
            running.send_signal(signal.SIGTERM)  # taken as Ctrl-C, which a shell may have switched off
            out, err = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 0 and out.strip() == "" and err.splitlines() == [f"note: port {port} is taken"]
    assert list(tmp_path.glob("latentinpaint-app-*")) == []
