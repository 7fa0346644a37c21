"""A small stand-in of the Hugging Face Hub's HTTP interface on this machine: repositories, commits, large files."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Hub:
    """What the stand-in holds and has been asked.

    Attributes:
        url: where it answers.
        commits: of every repository, oldest first: (commit, {file name: bytes}).
        writers: tokens that may write.
        private: repositories that only writers see; gated: those that nobody has been let into.
        large: large files by their SHA-256, before they are committed.
        failing: the status that every request is answered with; None for none.
        requests: "METHOD path" of every request; tokens: what they were authorised with.
    """

    def __init__(self):
        self.url = ""
        self.commits = {}
        self.writers = {"hf_secret_of_the_writer"}
        self.private = set()
        self.gated = set()
        self.failing = None
        self.large = {}
        self.requests = []
        self.tokens = []

    def files_asked(self):
        """The requests for files: the library asks for other things as well."""
        return [request for request in self.requests if "/resolve/" in request]

    def commit(self, name, files):
        """Add files to a repository; returns the commit, 40 hexadecimal digits."""
        history = self.commits.setdefault(name, [])
        content = {**(history[-1][1] if history else {}), **files}
        number = hashlib.sha1(f"{name} {len(history)}".encode()).hexdigest()
        history.append((number, content))
        return number

    def at(self, name, revision):
        """(commit, files) of a revision; None if there is none."""
        history = self.commits[name]
        if revision == "main":
            return history[-1]
        return next((found for found in history if found[0] == revision), None)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_):
        pass

    def answer(self, status, content=b"", **headers):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status, code):
        self.answer(status, {"error": code}, X_Error_Code=code)

    def handle_request(self):
        hub = self.hub
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(self.path.partition("?")[0])
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        hub.requests.append(f"{self.command} {path}")
        hub.tokens.append(token)
        if hub.failing is not None:
            return self.answer(hub.failing)
        if self.command in ("HEAD", "GET"):
            return self.read(path, token)
        if path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if self.command == "PUT":  # where a large file was told to go, with no token of its own
            hub.large[path.rpartition("/")[2]] = body
            return self.answer(200)
        if not token:
            return self.answer(401)
        if token not in hub.writers:
            return self.answer(403)
        return self.write(path, body)

    do_GET = do_HEAD = do_POST = do_PUT = handle_request

    def read(self, path, token):
        asked = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/main", path)
        if asked is not None:
            return self.answer(200, {"id": asked[1], "sha": self.hub.at(asked[1], "main")[0]})
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if found is None:
            return self.answer(404)
        name, revision, file = found.groups()
        if name not in self.hub.commits or (name in self.hub.private and token not in self.hub.writers):
            return self.refuse(401, "RepoNotFound")
        if name in self.hub.gated:
            return self.refuse(403, "GatedRepo")
        commit = self.hub.at(name, revision)
        if commit is None:
            return self.refuse(404, "RevisionNotFound")
        number, files = commit
        if file not in files:
            return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=number)
        etag = hashlib.sha256(files[file]).hexdigest()
        return self.answer(200, files[file], ETag=f'"{etag}"', X_Repo_Commit=number)

    def write(self, path, body):
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted['organization']}/{wanted['name']}"
            if name in self.hub.commits:
                return self.answer(409, {"url": f"{self.hub.url}/{name}"})
            self.hub.commit(name, {".gitattributes": b""})
            if wanted.get("private") or wanted.get("visibility") == "private":
                self.hub.private.add(name)
            return self.answer(200, {"url": f"{self.hub.url}/{name}"})
        if "/preupload/" in path:
            return self.answer(200, {"files": [_how_to_send(file) for file in json.loads(body)["files"]]})
        if path.endswith(".git/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for each in objects:
                each["actions"] = {"upload": {"href": f"{self.hub.url}/large/{each['oid']}"}}
            return self.answer(200, {"transfer": "basic", "objects": objects})
        name = re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path)[1]
        files = {}
        for line in body.splitlines():
            value = json.loads(line)["value"]
            if "content" in value:
                files[value["path"]] = base64.b64decode(value["content"])
            elif "oid" in value:
                files[value["path"]] = self.hub.large[value["oid"]]
        number = self.hub.commit(name, files)
        return self.answer(200, {"commitUrl": f"{self.hub.url}/{name}/commit/{number}", "commitOid": number})


def _how_to_send(file):
    large = file["path"].endswith(".safetensors")
    return {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}


@contextmanager
def serving():
    """A `Hub` that answers at its `url`."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()

    def stop():
        server.shutdown()
        thread.join()
        server.server_close()

    hub.stop = stop
    try:
        yield hub
    finally:
        stop()
