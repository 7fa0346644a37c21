"""Whether the service keeps memory of what is over: many fills, some cancelled, and the process's memory in between.

python benchmarks/service_memory.py --fills 500
"""

import argparse
import gc
import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from latentinpaint.service.client import form_body
from latentinpaint.service.served_models import load_models
from latentinpaint.service.serving import serve
from latentinpaint.service.settings import ServiceLimits, ServiceSettings

SIDE = 256  # pixels of the photo
EDGE = "service-memory"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="name, run folder or model file")
    parser.add_argument("--fills", type=int, default=500)
    parser.add_argument("--report", type=int, default=50, help="fills between two lines")
    options = parser.parse_args()
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    hole = np.zeros((SIDE, SIDE), bool)
    hole[100:140, 90:150] = True
    settings = ServiceSettings(port=18700, limits=ServiceLimits(store=20))
    with serve(load_models([options.model]), settings, ports_tried=100) as url:
        visitor = Visitor(urlsplit(url).netloc)
        photo_id = visitor.post("/v1/photos", {"image": photo})["id"]
        for number in range(options.fills + 1):
            if number % options.report == 0:
                gc.collect()
                print(f"{number:5d} fills: {memory():7.1f} MB", flush=True)
            job = visitor.post("/v1/jobs/fill", {"mask": hole}, {"photo": photo_id})["id"]
            if number % 3 == 2:
                time.sleep(0.05)
                visitor.ask("DELETE", f"/v1/jobs/{job}")
            while visitor.ask("GET", f"/v1/jobs/{job}")["state"] in ("queued", "running"):
                time.sleep(0.02)
            visitor.ask("GET", f"/v1/photos/{photo_id}")  # in use, so that it stays


class Visitor:
    """Keeps its session."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.headers: dict[str, str] = {}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> dict:
        connection = http.client.HTTPConnection(self.host, timeout=600)
        connection.request(method, path, body, self.headers | headers)
        answer = connection.getresponse()
        if answer.getheader("set-cookie"):
            self.headers["Cookie"] = answer.getheader("set-cookie", "").split(";")[0]
        content = json.loads(answer.read())
        connection.close()
        return content

    def post(self, path: str, files: dict[str, np.ndarray], fields: dict[str, str] | None = None) -> dict:
        kind = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
        return self.ask("POST", path, form_body(files, fields or {}, EDGE), **kind)


def memory() -> float:
    """Megabytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main()
