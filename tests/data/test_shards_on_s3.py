"""Shards in an object store: moto's S3 server on this machine, as it is and failing now and then."""

import threading
from contextlib import nullcontext

import pytest
import torch
from image_samples import photo_pixels
from PIL import Image

from latentinpaint.data import shard_storage
from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.data.shard_photos import ShardOptions, ShardPhotos
from latentinpaint.data.shard_storage import MissingFileError, StorageError, read_file, read_range
from latentinpaint.data.shard_writing import write_shards
from latentinpaint.doctor import FindingCode, examine_data
from latentinpaint.errors import InputError

pytest.importorskip("s3fs", reason="shards on S3 need the package s3fs: pip install 'latentinpaint[shards]'")
pytest.importorskip("moto", reason="the S3 server of the tests is moto's: pip install 'moto[server]'")

SHARDS = "s3://photos/shards/{0000..0002}.tar"


class FailingNowAndThen:
    """A WSGI application before another one, which answers some requests with an error of the server."""

    def __init__(self, application):
        self.application = application
        self.number = 0
        self.every = 0

    def __call__(self, environ, start_response):
        self.number += 1
        if self.every and self.number % self.every == 0:
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        return self.application(environ, start_response)


@pytest.fixture(scope="module")
def server():
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = FailingNowAndThen(DomainDispatcherApplication(create_backend_app))
    served = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{served.server_port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "any")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "any")
        patch.setattr(shard_storage, "FIRST_WAIT", 0.001)
        yield application
    served.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def photos(server, tmp_path_factory):
    """A folder of photographs whose shards are in the bucket."""
    import fsspec

    folder = tmp_path_factory.mktemp("photos")
    for number in range(11):
        Image.fromarray(photo_pixels(20, 30, seed=number)).save(folder / f"{number}.png")
    shards = tmp_path_factory.mktemp("shards")
    write_shards(folder, shards, 4, lambda title, total: nullcontext(lambda name: None))
    system = fsspec.filesystem("s3")
    system.mkdir("photos")
    for path in shards.iterdir():
        system.pipe_file(f"photos/shards/{path.name}", path.read_bytes())
    return folder


def batches(root, workers=0):
    data = InpaintingDataModule(str(root), size=16, batch_size=4, epoch_length=24, num_workers=workers)
    data.setup("fit")
    return list(data.train_dataloader())


@pytest.mark.parametrize("workers", [0, 2])
def test_training_sees_what_training_on_the_folder_sees(workers, server, photos):
    server.every = 5
    try:
        found = batches(SHARDS, workers)
    finally:
        server.every = 0
    expected = batches(photos)
    assert len(found) == len(expected) == 6
    for batch, other in zip(found, expected, strict=True):
        assert torch.equal(batch["image"], other["image"]) and torch.equal(batch["mask"], other["mask"])


def test_what_is_missing_cut_short_or_out_of_reach(server, photos):
    with pytest.raises(MissingFileError, match="no file s3://photos/shards/0009.tar"):
        read_file("s3://photos/shards/0009.tar")
    for start in (10**6, len(read_file("s3://photos/shards/0000.tar")) - 2):
        with pytest.raises(InputError, match="0000.tar is cut short"):
            read_range("s3://photos/shards/0000.tar", start, 5)
    with pytest.raises(InputError, match="holds no picture to train on .*0009.tar is missing"):
        ShardPhotos("s3://photos/shards/0009.tar", ShardOptions())


def test_a_store_that_stays_away_is_said_in_a_sentence(server, photos, monkeypatch):
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setattr(shard_storage, "ATTEMPTS", 2)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    server.every = 1
    try:
        with pytest.raises(StorageError, match="cannot read s3://photos/shards/0000.tar, 2 times in a row"):
            read_range("s3://photos/shards/0000.tar", 0, 5)
    finally:
        server.every = 0
        s3fs.S3FileSystem.clear_instance_cache()


def test_the_doctor_checks_the_manifest(server, photos):
    codes = [finding.code for finding in examine_data(SHARDS, size=16)]
    assert codes.count(FindingCode.MANIFEST) == 1 and FindingCode.DAMAGED_SHARD not in codes
