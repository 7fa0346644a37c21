"""A service with two small models, and what its tests send: one for all tests of a file."""

import importlib.util
import io
import json

import numpy as np
import pytest
from PIL import Image

LIBRARIES = ("fastapi", "python_multipart", "prometheus_client", "uvicorn")
if any(importlib.util.find_spec(library) is None for library in LIBRARIES):
    collect_ignore_glob = ["test_*.py"]  # their modules cannot even be imported


@pytest.fixture(scope="session")
def models(model_files):
    """The models "ffc" and "flow"."""
    from latentinpaint.service.served_models import load_models

    return load_models([f"{model_files['ffc']},{model_files['flow']}"], "cpu")


@pytest.fixture(scope="session")
def limits():
    """Small ones."""
    from latentinpaint.service.settings import ServiceLimits

    return ServiceLimits(upload=2, megapixels=0.5, samples=4, visitor_jobs=3, queue=4, seconds=60, store=16)


@pytest.fixture
def service(models, limits):
    """A service whose limits are small."""
    from latentinpaint.service.service import Service
    from latentinpaint.service.settings import ServiceSettings

    service = Service(dict(models), ServiceSettings(limits=limits))
    yield service
    service.close()


@pytest.fixture
def visitor(service):
    """A function that makes clients, each a visitor of its own."""
    from fastapi.testclient import TestClient

    from latentinpaint.service.application import create_application

    application = create_application(service)

    def make():
        return TestClient(application, base_url="http://127.0.0.1")

    return make


@pytest.fixture
def client(visitor):
    """One visitor."""
    return visitor()


@pytest.fixture(scope="session")
def file_of():
    """A function that makes the file of an array (H, W) or (H, W, C) uint8, or bool for a mask."""

    def make(array, suffix="PNG", **options):
        if array.dtype == bool:
            array = array.astype(np.uint8) * 255
        content = io.BytesIO()
        Image.fromarray(array).save(content, suffix, **options)
        return content.getvalue()

    return make


@pytest.fixture(scope="session")
def array_of():
    """A function that decodes a file."""
    return lambda content: np.asarray(Image.open(io.BytesIO(content)))


@pytest.fixture(scope="session")
def photo(helpers):
    """A photo (40, 48, 3) uint8."""
    return helpers.smooth(40, 48)


@pytest.fixture(scope="session")
def hole():
    """A hole of the photo, (40, 48) bool."""
    hole = np.zeros((40, 48), bool)
    hole[10:20, 12:30] = True
    return hole


@pytest.fixture
def sent(client, file_of, photo):
    """The answer to a photo that was sent."""
    answer = client.post("/v1/photos", files={"image": ("beach.png", file_of(photo))})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="session")
def events_of():
    """A function that splits a stream of server-sent events into pairs of a name and its content."""

    def split(text):
        events = []
        for block in text.strip().split("\n\n"):
            if block.startswith("event: "):
                name, content = block.split("\n", 1)
                events.append((name.removeprefix("event: "), json.loads(content.removeprefix("data: "))))
        return events

    return split
