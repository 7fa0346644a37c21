"""`quickstart`: some seconds of it, and what it leaves."""

import json

from PIL import Image

from latentinpaint.weights import load_autoencoder, load_pipeline


def test_what_it_leaves(finished_quickstart):
    folder, _ = finished_quickstart
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == {
        *("autoencoder.safetensors", "ffc/model.safetensors", "flow/model.safetensors"),
        *("grid.png", "latent_difference.png", "photo.png", "photo_mask001.png", "metrics.json", "settings.json"),
    }
    for name in ("grid.png", "latent_difference.png"):
        with Image.open(folder / name) as picture:
            picture.load()
            assert min(picture.size) > 300
    methods = json.loads((folder / "metrics.json").read_text())["methods"]
    # The best of eight is chosen by LPIPS, whose weights may be here or not.
    assert set(methods) - {"flow, best of 8 (oracle)"} == {"mean", "telea", "ns", "ffc", "flow", "flow, mean of 8"}
    assert {row["pictures_judged"] for row in methods.values()} == {6}
    for row in methods.values():
        assert 5 < row["mean"]["psnr_hole"] < 50


def test_the_models_load_and_share_their_autoencoder(finished_quickstart):
    folder, _ = finished_quickstart
    fingerprint = load_autoencoder(folder).fingerprint()
    for name in ("ffc", "flow"):
        assert load_pipeline(folder / name).autoencoder.fingerprint() == fingerprint
