"""The client against a service that runs: pictures in any form, answers, refusals."""

import http.server
import io
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images.picture import Picture
from latentinpaint.service import serving
from latentinpaint.service.client import Client
from latentinpaint.service.photo_drawings import latent_drawing
from latentinpaint.service.settings import ServiceSettings


@pytest.fixture(scope="module")
def client(models):
    with serving.serve(models, ServiceSettings(port=18861, root_path="/fill"), ports_tried=100) as url:
        yield Client(f"{url}fill/")


def test_pictures_in_any_form(client, models, photo, hole, file_of, array_of, tmp_path):
    wanted = models["ffc"](photo, hole)
    path = tmp_path / "ein Bild ä.png"
    path.write_bytes(file_of(photo))
    for image in (path, str(path), file_of(photo), Image.fromarray(photo), photo):
        for mask in (hole, file_of(hole), Image.fromarray(hole)):
            assert np.array_equal(array_of(client.fill(image, mask)), wanted)


def test_options_and_other_requests(client, models, photo, hole, array_of):
    packed = client.fill(photo, hole, model="flow", samples=2, seed=4)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        samples = [array_of(archive.read(name)) for name in archive.namelist()]
    assert np.array_equal(samples, models["flow"].samples(photo, hole, 2, seed=4))
    assert np.array_equal(array_of(client.expand(photo, top=6)), models["ffc"].expand(photo, (0, 6, 0, 0)))
    assert [model["name"] for model in client.models()] == ["ffc", "flow"]
    for mask, invert in ((hole, False), (~hole, True)):
        (finding,) = client.doctor(photo, mask, invert)
        assert finding["kind"] == "hole" and finding["figure"] == 100 * hole.mean()
    assert client.doctor(photo) == []
    drawing = array_of(client.latent_difference(photo, hole, model="flow"))
    assert np.array_equal(drawing, array_of(latent_drawing(models["flow"], Picture(photo, "RGB"), hole)))


def test_refusals_are_the_services_sentences(client, photo, hole, tmp_path):
    with pytest.raises(InputError, match="^samples is at most 8 here, not 9$"):
        client.fill(photo, hole, samples=9)
    with pytest.raises(InputError, match="^mask is empty"):
        client.fill(photo, b"")
    with pytest.raises(InputError, match="^cannot read .*nowhere.png: No such file"):
        client.fill(tmp_path / "nowhere.png", hole)
    with pytest.raises(InputError, match="^the service at http://127.0.0.1:9 is not reached"):
        Client("http://127.0.0.1:9").models()


def test_another_server_is_told_from_the_service():
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(418)

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(InputError, match="^the service answers with status 418$"):
            Client(f"http://127.0.0.1:{server.server_port}").models()
