"""One request, one answer: fills that are those of the `inpaint` command's own functions, and what is refused."""

import io
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from latentinpaint.images.image_files import decode_picture
from latentinpaint.images.picture import Picture
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.service import program_routes
from latentinpaint.service.photo_drawings import latent_drawing, uncertainty_drawing


def post(client, path, image, mask=None, **fields):
    files = {"image": ("beach.png", image)}
    if mask is not None:
        files["mask"] = ("mask.png", mask)
    return client.post(path, files=files, data=fields)


def test_a_fill_is_that_of_the_model(client, models, file_of, array_of, photo, hole):
    answer = post(client, "/v1/fill", file_of(photo), file_of(hole), seed=3)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"beach_filled.png\"; filename*=UTF-8''beach_filled.png"
    )
    assert np.array_equal(array_of(answer.content), models["ffc"](photo, hole, seed=3))


def test_inverted_masks_dilation_and_models_are_heeded(client, models, file_of, array_of, photo, hole):
    answer = post(client, "/v1/fill", file_of(photo), file_of(~hole), invert=True, dilate=2, model="flow", steps=2)
    assert np.array_equal(array_of(answer.content), models["flow"](photo, hole, dilate=2, steps=2))


def test_depth_and_metadata_are_kept(client, models, photo, hole, file_of):
    """A 16-bit PNG with a text comes back as one; as a JPEG it is said what is lost."""
    import cv2

    deep = photo.astype(np.uint16) * 257 + 3
    content = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
    answer = post(client, "/v1/fill", content, file_of(hole))
    before, after = decode_picture(content, "a"), decode_picture(answer.content, "b")
    wanted = models["ffc"].fill(before, hole, FillOptions())[0]
    assert after.samples.dtype == np.uint16 and np.array_equal(after.samples, wanted.samples)
    assert np.array_equal(after.samples[~hole], deep[~hole])
    answer = post(client, "/v1/fill", content, file_of(hole), format="jpeg", quality=80)
    assert answer.headers["content-type"] == "image/jpeg" and "JPEG is lossy" in answer.headers["x-notes"]


def test_several_samples_are_a_zip(client, models, file_of, array_of, photo, hole):
    fields = {"model": "flow", "samples": 2, "dilate": 1}
    answer = post(client, "/v1/fill", file_of(photo), file_of(hole), uncertainty=True, **fields)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["beach_filled_1.png", "beach_filled_2.png", "uncertainty.png"]
        *samples, drawn = [array_of(archive.read(name)) for name in archive.namelist()]
    assert np.array_equal(np.stack(samples), np.stack(models["flow"].samples(photo, hole, 2, dilate=1)))
    changed = hole.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        changed |= np.roll(hole, step, axis)
    wanted = uncertainty_drawing([Picture(sample, "RGB") for sample in samples], changed)
    assert np.array_equal(drawn, array_of(wanted))


def test_a_latent_difference_is_drawn(client, models, file_of, array_of, photo, hole):
    wanted = array_of(latent_drawing(models["flow"], Picture(photo, "RGB"), hole))
    answer = post(client, "/v1/latent-difference", file_of(photo), file_of(~hole), model="flow", invert=True)
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(array_of(answer.content), wanted)
    nothing = file_of(np.zeros_like(hole))
    for mask, fields, words in ((nothing, {}, "nothing is painted"), (file_of(hole), {"model": "x"}, "no model 'x'")):
        answer = post(client, "/v1/latent-difference", file_of(photo), mask, **fields)
        assert answer.status_code == 422 and words in answer.json()["error"]


def test_a_photo_grows(client, models, file_of, array_of, photo):
    answer = post(client, "/v1/expand", file_of(photo), left=8, bottom=5)
    assert np.array_equal(array_of(answer.content), models["ffc"].expand(photo, (8, 0, 0, 5)))


@pytest.mark.parametrize(
    "fields, status, words",
    [
        ({"model": "nothing"}, 422, "there is no model 'nothing': choose one of ffc, flow"),
        ({"samples": 5}, 422, "samples is at most 4 here, not 5"),
        ({"samples": 0}, 422, "samples: Input should be greater than or equal to 1"),
        ({"steps": 51}, 422, "steps is at most 50"),
        ({"seed": -1}, 422, "seed: "),
        ({"seed": "x"}, 422, "seed: "),
        ({"format": "doc"}, 422, "there is no format 'doc'"),
        ({"quality": 101}, 422, "quality: "),
        ({"dilate": 1001}, 422, "dilate: "),
        ({"dilate": 2, "feather": 3}, 422, "feather (3) is larger than dilate (2)"),
        ({"invert": "perhaps"}, 422, "invert: "),
    ],
)
def test_wrong_options_are_one_sentence(client, file_of, photo, hole, fields, status, words):
    answer = post(client, "/v1/fill", file_of(photo), file_of(hole), **fields)
    assert answer.status_code == status and words in answer.json()["error"], answer.text


def test_wrong_files_are_one_sentence(client, file_of, photo, hole):
    whole, mask = file_of(photo), file_of(hole)
    cases = [
        (whole, file_of(np.zeros((40, 48), bool)), 422, "nothing is painted"),
        (whole, file_of(np.ones((40, 48), bool)), 422, "hole"),
        (whole, file_of(hole[:-1]), 422, "the mask mask.png is 48x39 pixels, the photo beach.png 48x40"),
        (whole, whole, 422, "mask.png: it is a photograph"),
        (b"this is no picture", mask, 415, "beach.png is not a picture"),
        (b"", mask, 415, "beach.png is empty"),
        (whole[:-200], mask, 415, "damaged"),
        (file_of(np.zeros((800, 800, 3), np.uint8)), mask, 413, "800x800 pixels, more than 0.5 megapixels"),
        (whole, b"x" * (2 * 2**20 + 1), 413, "mask.png is larger than 2 MB"),
    ]
    for image, sent_mask, status, words in cases:
        answer = post(client, "/v1/fill", image, sent_mask)
        assert answer.status_code == status and words in answer.json()["error"], answer.text
    answer = post(client, "/v1/fill", whole, file_of(np.zeros((40, 48), bool)), invert=True)
    assert answer.status_code == 422 and answer.json()["error"].endswith("; leave out invert")
    assert post(client, "/v1/fill", whole).json() == {"error": "mask: Field required"}
    assert post(client, "/v1/expand", whole).json()["error"].startswith("nothing to expand")
    assert post(client, "/v1/expand", whole, left=49).status_code == 422


def test_the_doctor_says_what_it_finds(client, file_of, photo, hole):
    answer = post(client, "/v1/doctor", file_of(photo), file_of(hole[:-1]))
    (finding,) = [entry for entry in answer.json()["findings"] if entry["severity"] == "problem"]
    assert finding["kind"] == "sizes differ" and finding["about"] == "mask.png"
    assert post(client, "/v1/doctor", file_of(photo)).json() == {"findings": []}
    for mask, invert in ((hole, False), (~hole, True)):
        answer = post(client, "/v1/doctor", file_of(photo), file_of(mask), invert=invert)
        (finding,) = answer.json()["findings"]
        assert finding["kind"] == "hole" and finding["figure"] == 100 * hole.mean()
    assert post(client, "/v1/doctor", b"no picture").status_code == 415


def test_models_and_health(client, models, monkeypatch):
    described = client.get("/v1/models").json()
    assert [(entry["name"], entry["several_answers"], entry["steps"]) for entry in described] == [
        ("ffc", False, None),
        ("flow", True, 3),
    ]
    assert described[0]["parameters"] == sum(weight.numel() for weight in models["ffc"].pipeline.parameters())
    monkeypatch.setattr(models["ffc"], "texture", PatchTexture())
    monkeypatch.setattr(models["flow"].pipeline.autoencoder, "stage_channels", ())
    described = client.get("/v1/models").json()
    assert [entry["texture"] for entry in described] == [True, False]
    assert [entry["refine"] for entry in described] == [True, False]
    health = client.get("/health").json()
    assert (health["status"], health["models"], health["running"]) == ("ok", ["ffc", "flow"], 0)


def test_a_visitor_with_too_many_jobs_and_a_full_queue(service, client, visitor, file_of, photo, hole):
    hold = threading.Event()
    for _ in range(3):
        service.jobs.submit("held", "address testclient", lambda job: hold.wait(10))
    answer = post(client, "/v1/fill", file_of(photo), file_of(hole))
    assert answer.status_code == 429 and "3 of your jobs" in answer.json()["error"]
    for number in range(2):
        service.jobs.submit("held", f"somebody {number}", lambda job: hold.wait(10))
    other = visitor()
    other.cookies.set("latentinpaint_session", "a" * 43)
    answer = post(other, "/v1/fill", file_of(photo), file_of(hole))
    assert answer.status_code == 503 and "too many jobs wait already" in answer.json()["error"]
    hold.set()


def test_a_job_that_nobody_waits_for_is_cancelled(service):
    """The client has gone while the job ran: it is stopped and forgotten."""
    import asyncio

    from latentinpaint.service.job import JobStopped

    begun = threading.Event()
    stopped = threading.Event()

    def work(job):
        begun.set()
        try:
            while True:
                job.report(0.5)
        except JobStopped:
            stopped.set()
            raise

    class Gone:
        async def is_disconnected(self):
            return True

    job = service.jobs.submit("fill", "somebody", work)
    assert begun.wait(5)
    asyncio.run(program_routes._answer_of(Gone(), service, job))
    assert stopped.wait(5)
    assert service.jobs._jobs == {}


def test_a_fault_of_the_program_is_no_secret_but_says_nothing(client, monkeypatch, file_of, photo, hole, caplog):
    def broken(*arguments, **options):
        raise RuntimeError("at /srv/secret")

    monkeypatch.setattr(program_routes, "file_answer", broken)
    with caplog.at_level("ERROR", "latentinpaint.service"):
        answer = post(client, "/v1/fill", file_of(photo), file_of(hole))
    assert answer.status_code == 500 and answer.json()["error"].startswith("this went wrong inside the program")
    assert "at /srv/secret" in caplog.text


def test_a_photo_of_a_camera_comes_back_upright(client, file_of, array_of, photo, hole):
    """EXIF orientation 6 is a quarter turn; the mask is of the upright photo."""
    exif = Image.Exif()
    exif[0x0112] = 6
    content = file_of(np.ascontiguousarray(np.rot90(photo)), exif=exif)
    answer = post(client, "/v1/fill", content, file_of(hole))
    assert np.array_equal(array_of(answer.content)[~hole], photo[~hole])
