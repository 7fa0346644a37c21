"""Photos that stay on the server: sent, shown, downloaded, and nobody else's."""

import io
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image

from latentinpaint.data.example_holes import EXAMPLE_PHOTOS, example_hole
from latentinpaint.data.photos import SamplePhotos
from latentinpaint.images.image_format import PNG
from latentinpaint.images.picture import Picture
from latentinpaint.service import service as service_module
from latentinpaint.service.photo_drawings import latent_drawing


def test_a_photo_is_described(client, sent):
    photo_id = sent.pop("id")
    assert sent == {
        "width": 48,
        "height": 40,
        "format": "PNG",
        "name": "beach.png",
        "bits": 8,
        "example": False,
        "mask_url": None,
    }
    assert client.get(f"/v1/photos/{photo_id}").json() == {"id": photo_id, **sent}


def test_names_lose_their_folders(client, file_of, photo):
    for name, kept in (("../../etc/a.png", "a.png"), ("C:\\photos\\b.png", "b.png"), ("/", "photo")):
        answer = client.post("/v1/photos", files={"image": (name, file_of(photo))})
        assert answer.json()["name"] == kept


def test_a_preview_shows_the_photo(client, sent, array_of, photo):
    path = f"/v1/photos/{sent['id']}/preview"
    answer = client.get(path)
    assert np.array_equal(array_of(answer.content), photo)
    part = client.get(f"{path}?box=10,5,30,25")
    assert np.array_equal(array_of(part.content), photo[5:25, 10:30])
    assert array_of(client.get(f"{path}?side=24").content).shape == (20, 24, 3)
    assert array_of(client.get(f"{path}?box=40,30,100,100").content).shape == (10, 8, 3)  # as far as the photo goes


def test_a_preview_is_kept_by_the_browser(client, sent):
    path = f"/v1/photos/{sent['id']}/preview?side=24"
    answer = client.get(path)
    assert "immutable" in answer.headers["cache-control"] and "private" in answer.headers["cache-control"]
    again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    assert client.get(f"/v1/photos/{sent['id']}/preview?side=25").headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize(
    "query", ["side=0", "side=9999", "box=1,2,3", "box=9,0,9,5", "box=48,0,50,5", "box=-1,0,5,5"]
)
def test_previews_that_there_are_not(client, sent, query):
    answer = client.get(f"/v1/photos/{sent['id']}/preview?{query}")
    assert answer.status_code == 422 and answer.json()["error"]


def test_parts_of_deep_photos_are_as_light_as_the_whole(client, array_of):
    """What is black and white is judged by all samples."""
    values = np.linspace(100, 900, 48 * 40).reshape(40, 48).astype(np.uint16)
    content = io.BytesIO()
    Image.fromarray(values).save(content, "TIFF")
    answer = client.post("/v1/photos", files={"image": ("deep.tif", content.getvalue())})
    assert answer.json()["bits"] == 16
    path = f"/v1/photos/{answer.json()['id']}/preview"
    whole, part = (array_of(client.get(path + query).content) for query in ("", "?box=4,3,20,9"))
    assert np.array_equal(part, whole[3:9, 4:20]) and np.ptp(whole) > 100


def test_a_download_is_exact(client, sent, array_of, photo):
    for query, kind in (("", "PNG"), ("?format=tiff", "TIFF"), ("?format=webp", "WEBP")):
        answer = client.get(f"/v1/photos/{sent['id']}/file{query}")
        assert Image.open(io.BytesIO(answer.content)).format == kind
        assert np.array_equal(array_of(answer.content), photo)
    assert client.get(f"/v1/photos/{sent['id']}/file").headers["content-disposition"].endswith("''beach.png")
    small, large = (client.get(f"/v1/photos/{sent['id']}/file?format=jpeg&quality={q}") for q in (30, 95))
    assert len(small.content) < len(large.content) and "lossy" in small.headers["x-notes"]
    assert client.get(f"/v1/photos/{sent['id']}/file?format=doc").status_code == 422


def test_nothing_is_filled_at_first(client, sent, array_of):
    mask = array_of(client.get(f"/v1/photos/{sent['id']}/mask").content)
    assert mask.shape == (40, 48) and not mask.any()


def test_the_latent_difference_is_of_what_was_filled(client, service, sent, models, photo, hole, array_of):
    path = "/v1/photos/{}/latent-difference?model=flow"
    refused = client.get(path.format(sent["id"]))
    assert refused.status_code == 422 and "nothing of this photo has been filled yet" in refused.json()["error"]
    (owner,) = {stored.owner for stored in service.store._photos.values()}
    filled = service.store.add(owner, Picture(photo, "RGB"), PNG, hole)
    drawing = array_of(client.get(path.format(filled.id)).content)
    assert np.array_equal(drawing, array_of(latent_drawing(models["flow"], Picture(photo, "RGB"), hole)))


@pytest.mark.parametrize("path", ["", "/preview", "/file", "/mask"])
def test_photos_are_their_owners_alone(client, visitor, sent, path):
    other = visitor()
    own = f"/v1/photos/{sent['id']}{path}"
    assert client.get(own).status_code == 200
    for stranger in (other, visitor()):
        assert stranger.get(own).status_code == 404
        assert "there is no such photo" in stranger.get(own).json()["error"]
    other.post("/v1/examples/rocket")  # a session of its own
    assert other.get(own).status_code == 404
    assert client.get(f"/v1/photos/nothing{path}").status_code == 404


def test_the_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(client, visitor, sent, file_of, photo):
    answer = visitor().post("/v1/photos", files={"image": ("a.png", file_of(photo))})
    cookie = answer.headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert word in cookie
    assert "set-cookie" not in client.post("/v1/photos", files={"image": ("a.png", file_of(photo))}).headers


def test_examples(client, array_of):
    source = SamplePhotos("all")
    listed = client.get("/v1/examples").json()
    assert len(listed) == len(EXAMPLE_PHOTOS)
    for example in listed:
        thumbnail = array_of(client.get(f"/{example['thumbnail']}").content)
        assert max(thumbnail.shape) <= 240
    file_name = EXAMPLE_PHOTOS[-1]
    opened = client.post(f"/v1/examples/{example['name']}").json()
    assert opened["example"] and opened["name"] == f"{example['name']}.png"
    photo = array_of(client.get(f"/v1/photos/{opened['id']}/file").content)
    assert np.array_equal(photo, source.read(source.names.index(file_name)))
    mask = array_of(client.get(f"/{opened['mask_url']}").content)
    assert np.array_equal(mask, np.asarray(example_hole(file_name, photo.shape[1::-1])))
    for path in ("/v1/examples/nothing/mask", "/v1/examples/nothing/thumbnail"):
        assert client.get(path).status_code == 404
    assert client.post("/v1/examples/nothing").status_code == 404


def test_only_so_many_photos_are_read_beside_each_other(service, client, sent, file_of, photo, monkeypatch):
    """One more is told to come again, and may when a place is free."""
    monkeypatch.setattr(service_module, "_PATIENCE", 0.01)
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(service.slot())
        answers = [client.post("/v1/photos", files={"image": ("a.png", file_of(photo))})]
        for path in ("preview", "file", "mask"):
            answers.append(client.get(f"/v1/photos/{sent['id']}/{path}"))
        for answer in answers:
            assert answer.status_code == 503 and answer.json()["error"].startswith("too many photos are being read")
    assert client.get(f"/v1/photos/{sent['id']}/file").status_code == 200


def test_photos_that_cannot_be_read(client, file_of, photo):
    for content, status in ((b"x", 415), (b"", 415), (file_of(np.zeros((800, 800), np.uint8)), 413)):
        answer = client.post("/v1/photos", files={"image": ("a.png", content)})
        assert answer.status_code == status and answer.json()["error"].startswith("a.png")
    assert client.post("/v1/photos").json() == {"error": "image: Field required"}
