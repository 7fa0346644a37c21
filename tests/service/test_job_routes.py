"""Jobs on photos that stay on the server: what comes of them, how they are followed and cancelled."""

import threading
import time

import numpy as np
import pytest


def begin(client, photo_id, mask, **fields):
    return client.post("/v1/jobs/fill", files={"mask": ("mask.png", mask)}, data={"photo": photo_id, **fields})


def finished(client, answer):
    """The job once it is over."""
    assert answer.status_code == 202, answer.text
    for _ in range(400):
        job = client.get(f"/v1/jobs/{answer.json()['id']}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.02)
    raise TimeoutError


def test_a_fill_makes_a_new_photo(client, models, sent, file_of, array_of, photo, hole):
    job = finished(client, begin(client, sent["id"], file_of(hole), seed=2))
    assert (job["state"], job["progress"], job["error"]) == ("done", 1, None)
    assert job["box"] == [12, 10, 30, 20]
    (result,) = job["results"]
    path = f"/v1/photos/{result['photo']}"
    wanted = models["ffc"](photo, hole, seed=2)
    answer = client.get(f"{path}/file")
    assert answer.headers["content-disposition"].endswith("''beach_filled.png")
    assert np.array_equal(array_of(answer.content), wanted)
    assert np.array_equal(array_of(client.get(f"{path}/mask").content), hole * np.uint8(255))
    assert np.array_equal(array_of(client.get(f"/v1/photos/{sent['id']}/file").content), photo)


def test_the_mask_is_the_union_of_all_fills(client, sent, file_of, array_of, hole):
    other = np.zeros_like(hole)
    other[30:34, 2:9] = True
    first = finished(client, begin(client, sent["id"], file_of(hole)))["results"][0]["photo"]
    second = finished(client, begin(client, first, file_of(other), dilate=1))["results"][0]["photo"]
    union = array_of(client.get(f"/v1/photos/{second}/mask").content) > 0
    changed = other.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        changed |= np.roll(other, step, axis)
    assert np.array_equal(union, hole | changed)


def test_a_mask_may_cover_a_part(client, models, sent, file_of, array_of, photo):
    """A small stroke is a small upload, and a mask of half the size is scaled."""
    part = np.ones((8, 10), bool)
    part[:, 0] = False
    painted = np.zeros((40, 48), bool)
    painted[20:28, 11:20] = True
    job = finished(client, begin(client, sent["id"], file_of(part), mask_box="10,20,20,28"))
    filled = array_of(client.get(f"/v1/photos/{job['results'][0]['photo']}/file").content)
    assert np.array_equal(filled, models["ffc"](photo, painted))
    half = np.zeros((20, 24), bool)
    half[5:10, 6:15] = True
    job = finished(client, begin(client, sent["id"], file_of(half)))
    mask = array_of(client.get(f"/v1/photos/{job['results'][0]['photo']}/mask").content) > 0
    assert np.array_equal(mask, half.repeat(2, 0).repeat(2, 1))


def test_samples_and_where_they_differ(client, models, sent, file_of, array_of, photo, hole):
    job = finished(client, begin(client, sent["id"], file_of(hole), model="flow", samples=3, uncertainty=True))
    wanted = models["flow"].samples(photo, hole, 3)
    for result, sample in zip(job["results"], wanted, strict=True):
        assert np.array_equal(array_of(client.get(f"/v1/photos/{result['photo']}/file").content), sample)
    overlay = array_of(client.get(f"/{job['uncertainty_url']}").content)
    assert overlay.shape == (10, 18, 4) and (overlay[..., 3] == 255).all()
    spread = np.stack(wanted).astype(float).std(axis=0, ddof=1).mean(axis=-1)[hole].reshape(10, 18)
    brightness = overlay[..., :3].astype(float).mean(axis=-1)
    assert np.corrcoef(spread.ravel(), brightness.ravel())[0, 1] > 0.9


def test_a_photo_grows(client, models, sent, file_of, array_of, photo, hole):
    first = finished(client, begin(client, sent["id"], file_of(hole)))["results"][0]["photo"]
    filled = array_of(client.get(f"/v1/photos/{first}/file").content)
    answer = client.post("/v1/jobs/expand", data={"photo": first, "left": 8, "bottom": 4})
    job = finished(client, answer)
    path = f"/v1/photos/{job['results'][0]['photo']}"
    assert np.array_equal(array_of(client.get(f"{path}/file").content), models["ffc"].expand(filled, (8, 0, 0, 4)))
    mask = array_of(client.get(f"{path}/mask").content) > 0
    assert np.array_equal(mask[:40, 8:], hole) and mask[40:].all() and mask[:, :8].all()
    described = client.get(path).json()
    assert (described["width"], described["height"]) == (56, 44)


def test_what_comes_of_an_example_is_none(client, array_of):
    example = client.post("/v1/examples/rocket").json()
    mask = client.get(f"/{example['mask_url']}").content
    job = finished(client, begin(client, example["id"], mask))
    described = client.get(f"/v1/photos/{job['results'][0]['photo']}").json()
    assert example["example"] and not described["example"] and described["name"] == "rocket.png"


def test_events(client, sent, file_of, events_of, hole, array_of):
    job_id = begin(client, sent["id"], file_of(hole)).json()["id"]
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_of("".join(answer.iter_text()))
    names = [name for name, _ in events]
    assert names[-1] == "done" and "preview" in names and names.count("done") == 1
    content = dict(events)
    assert content["done"] == client.get(f"/v1/jobs/{job_id}").json()
    assert content["preview"]["box"] == [12, 10, 30, 20]
    preview = array_of(client.get(f"/{content['preview']['url']}").content)
    assert preview.shape == (10, 18, 4) and (preview[..., 3] == 255).all()


def test_a_job_that_waits_has_a_place_and_is_cancelled_at_once(service, client, sent, file_of, events_of, hole):
    hold = threading.Event()
    service.jobs.submit("held", "somebody", lambda job: hold.wait(10))
    first = begin(client, sent["id"], file_of(hole)).json()["id"]
    second = begin(client, sent["id"], file_of(hole)).json()["id"]
    assert client.get(f"/v1/jobs/{second}").json()["place"] == 2
    assert client.delete(f"/v1/jobs/{first}").json()["state"] == "cancelled"
    assert client.get(f"/v1/jobs/{second}").json()["place"] == 1
    hold.set()
    events = events_of(client.get(f"/v1/jobs/{first}/events").text)
    assert [name for name, _ in events] == ["cancelled"]
    assert client.get(f"/v1/jobs/{first}/uncertainty").status_code == 404


def test_a_job_that_fails_says_why(client, sent, file_of, events_of):
    answer = begin(client, sent["id"], file_of(np.zeros((40, 48), bool)))
    job = finished(client, answer)
    assert (job["state"], job["results"]) == ("failed", []) and job["error"].startswith("nothing is painted")
    events = events_of(client.get(f"/v1/jobs/{job['id']}/events").text)
    assert events[-1] == ("failed", {"error": job["error"]})


def test_jobs_are_their_owners_alone(client, visitor, sent, file_of, hole):
    job_id = begin(client, sent["id"], file_of(hole)).json()["id"]
    other = visitor()
    other.post("/v1/examples/rocket")
    for stranger in (other, visitor()):
        assert begin(stranger, sent["id"], file_of(hole)).status_code == 404
        assert stranger.post("/v1/jobs/expand", data={"photo": sent["id"], "left": 1}).status_code == 404
        assert stranger.delete(f"/v1/jobs/{job_id}").status_code == 404
        for path in ("", "/events", "/preview", "/uncertainty"):
            assert stranger.get(f"/v1/jobs/{job_id}{path}").status_code == 404


@pytest.mark.parametrize("box", ["0,0,49,40", "0,0,5,5", "5,5,5,9", "a", "1,2,3", "-1,0,9,9"])
def test_boxes_that_cannot_be_used(client, sent, file_of, hole, box):
    answer = begin(client, sent["id"], file_of(hole), mask_box=box)
    assert answer.status_code == 422 and answer.json()["error"]


def test_a_photo_that_would_be_too_large(client, file_of, helpers):
    large = helpers.smooth(600, 800)
    photo_id = client.post("/v1/photos", files={"image": ("a.png", file_of(large))}).json()["id"]
    job = finished(client, client.post("/v1/jobs/expand", data={"photo": photo_id, "left": 300}))
    assert job["state"] == "failed" and "1100x600 pixels, more than 0.5 megapixels" in job["error"]
    assert client.post("/v1/jobs/expand", data={"photo": photo_id, "left": -1}).status_code == 422
