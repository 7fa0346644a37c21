"""A web server of a folder that sends parts of files, and fails when it is told to."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(is_head=True)

    def do_GET(self):
        self.answer(is_head=False)

    def answer(self, is_head):
        server = self.server
        with server.lock:
            server.requests.append((self.command, self.path.lstrip("/")))
            failure = server.fails(len(server.requests))
        path = server.folder / self.path.lstrip("/")
        if failure == "500":
            self.send_error(500)
            return
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        first, last = 0, len(content)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted and server.sends_parts:
            first = int(wanted[1])
            last = min(last, int(wanted[2] or last) + 1)
            if first >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes" if server.sends_parts else "none")
        self.send_header("Content-Length", str(last - first))
        self.end_headers()
        if is_head:
            return
        if failure == "cut":
            last = first + (last - first) // 2
            self.close_connection = True
        self.wfile.write(content[first:last])

    def log_message(self, *arguments):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder, fails, sends_parts):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.fails = fails
        self.sends_parts = sends_parts
        self.requests = []
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, name, method="GET"):
        """How often a file was asked for."""
        return self.requests.count((method, name))


@contextmanager
def serve_folder(folder, fails=lambda number: None, sends_parts=True):
    """Serve a folder; `fails` says of request number 1, 2, … whether it is a "500", "cut" or answered."""
    server = _Server(folder, fails, sends_parts)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
