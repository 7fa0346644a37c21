"""Adopting: the file that training commands take, figures against other means, noise refused, the whole way on."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage.metrics import peak_signal_noise_ratio
from small_autoencoders import build
from tiny_weights import mean_colour_weights

from latentinpaint.errors import InputError
from latentinpaint.experiments.adoption import adopt, middle_of_photographs, reconstruction
from latentinpaint.metrics.pixels import METRICS
from latentinpaint.models import IdentityAutoencoder
from latentinpaint.pretrained.model_paths import PRETRAINED
from latentinpaint.weights import load_autoencoder, load_pipeline, read_header, save_autoencoder


@pytest.fixture
def place(tmp_path, helpers, monkeypatch):
    """A folder of photographs and a file of the TAESD family; the default autoencoder is a small one."""
    helpers.write_photos(tmp_path / "photos", ("a.png", "b.png", "c.png"))
    save_file(mean_colour_weights(), tmp_path / "tiny.safetensors")
    save_autoencoder(IdentityAutoencoder(), tmp_path / "default.safetensors")
    monkeypatch.setitem(PRETRAINED, "default", tmp_path / "default.safetensors")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    return tmp_path


def test_the_file_that_training_takes(place):
    adopted = adopt(place / "tiny.safetensors", place / "photos", place / "run")
    assert adopted.path == place / "run" / "autoencoder.safetensors"
    loaded = load_autoencoder(place / "run")
    assert loaded.frozen and loaded.fingerprint() == adopted.autoencoder.fingerprint()
    latents = []
    colours = []
    for name in ("a.png", "b.png", "c.png"):
        pixels = torch.from_numpy(np.array(Image.open(place / "photos" / name))).permute(2, 0, 1)[None] / 255
        latents.append(loaded.encode(pixels).detach())
        colours.append(pixels.unflatten(3, (8, 8)).unflatten(2, (6, 8)).mean(dim=(3, 5)))
    cells = torch.cat(latents).transpose(0, 1).flatten(1)[:3]
    torch.testing.assert_close(cells.mean(dim=1), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(cells.std(dim=1, correction=0), torch.ones(3), atol=1e-4, rtol=0)
    measured = torch.cat(colours).transpose(0, 1).flatten(1).std(dim=1, correction=0)
    torch.testing.assert_close(loaded.latent_std[:3], measured, atol=1e-4, rtol=0)
    header = read_header(place / "run")
    assert header["recipe"]["adopted_from"] == "tiny.safetensors" and header["recipe"]["pictures"] == 3
    assert len(header["autoencoder"]["arguments"]["sha256"]) == 64


def test_figures_are_those_of_scikit_image(place):
    photographs = middle_of_photographs(place / "photos", 3)
    adopted = adopt(place / "tiny.safetensors", place / "photos", place / "run")
    expected = []
    for image in photographs:
        colours = image.unflatten(3, (8, 8)).unflatten(2, (6, 8)).mean(dim=(3, 5))
        softened = 3 * torch.tanh(colours / 3)
        back = softened.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
        back = (255 * back).round() / 255
        expected.append(peak_signal_noise_ratio(image.numpy(), back.numpy(), data_range=1))
    assert adopted.own.figures["PSNR"] == pytest.approx(np.mean(expected), abs=0.01)
    assert adopted.default.figures["PSNR"] == pytest.approx(60)  # the identity's, which is the cap
    assert any("LPIPS(squeeze) is left out" in note for note in adopted.notes)


def test_the_middle_of_large_photographs(tmp_path):
    pixels = np.zeros((530, 700, 3), np.uint8)
    pixels[9, 94] = (10, 20, 30)
    (tmp_path / "large").mkdir()
    Image.fromarray(pixels).save(tmp_path / "large" / "a.png")
    (middle,) = middle_of_photographs(tmp_path / "large", 5)
    assert middle.shape == (1, 3, 512, 512)
    assert (255 * middle[0, :, 0, 0]).round().tolist() == [10, 20, 30]


def test_any_size_is_given_back(helpers):
    image = torch.from_numpy(helpers.smooth(37, 51)).permute(2, 0, 1)[None].float() / 255
    found = reconstruction(build("TaesdAutoencoder").freeze(), [image], [METRICS["psnr"]])
    assert found.pictures == 1 and np.isfinite(found.figures["PSNR"])


@pytest.mark.parametrize("name", ["AutoencoderKL", "TaesdAutoencoder"])
def test_noise_is_refused_and_nothing_written(name, place, monkeypatch):
    from latentinpaint.experiments import adoption

    monkeypatch.setattr(adoption, "read_foreign_autoencoder", lambda path: build(name).freeze())
    before = sorted(place.rglob("*"))
    with pytest.raises(InputError, match="does not give pictures back: .* dB, where their mean colours alone"):
        adopt("noise", place / "photos", place / "run")
    assert sorted(place.rglob("*")) == before


def test_nothing_is_overwritten(place):
    (place / "run").mkdir()
    (place / "run" / "autoencoder.safetensors").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        adopt(place / "tiny.safetensors", place / "photos", place / "run")
    with pytest.raises(InputError, match="pictures starts at 1"):
        adopt(place / "tiny.safetensors", place / "photos", place / "new", pictures=0)
    assert (place / "run" / "autoencoder.safetensors").read_text() == "mine"


def adopted_kl(place):
    """The file of a small AutoencoderKL, which with random weights `adopt` would refuse."""
    autoencoder = build("AutoencoderKL")
    autoencoder.measure_latents([torch.rand(2, 3, 32, 32)])
    save_autoencoder(autoencoder, place / "run" / "autoencoder.safetensors")
    return autoencoder


def adopted_tiny(place):
    return adopt(place / "tiny.safetensors", place / "photos", place / "run").autoencoder


@pytest.mark.parametrize(("adopted", "refiner"), [(adopted_tiny, "ffc"), (adopted_tiny, "flow"), (adopted_kl, "ffc")])
def test_an_adopted_autoencoder_is_trained_on_and_fills(adopted, refiner, place):
    """Two steps of train_latent on the adopted file; the model keeps the checksum, the encoder every bit."""
    from latentinpaint.training.cli import train_latent

    autoencoder = adopted(place)
    small = ["--model.refiner.blocks", "1"]
    if refiner == "flow":
        small += ["--model.refiner.width", "16", "--model.refiner.multipliers", "[1]", "--model.refiner.steps", "2"]
    train_latent(
        [
            *("--refiner", refiner, "--autoencoder", str(place / "run"), "--output", str(place / "model"), *small),
            *("--data.root", str(place / "photos"), "--data.size", "32", "--data.batch_size", "2"),
            *("--data.num_workers", "0", "--trainer.max_steps", "2", "--trainer.accelerator", "cpu"),
            *("--trainer.limit_val_batches", "0", "--ema", "0"),
        ]
    )
    pipeline = load_pipeline(place / "model")
    assert pipeline.autoencoder.fingerprint() == autoencoder.fingerprint()
    assert any(tap.weight.abs().max() > 0 for tap in pipeline.control.taps)
    arguments = read_header(place / "model")["autoencoder"]["arguments"]
    assert arguments["sha256"] == autoencoder.arguments["sha256"]
    image, mask = torch.rand(1, 3, 37, 51), torch.zeros(1, 1, 37, 51)
    mask[..., 9:20, 11:30] = 1
    filled = pipeline(image, mask)
    assert torch.equal(filled[mask.expand_as(image) == 0], image[mask.expand_as(image) == 0])
    assert not torch.equal(filled, image)


def test_the_command(place, capsys):
    from latentinpaint.cli import main

    options = ["--images", str(place / "photos"), "--output", str(place / "run")]
    with pytest.raises(SystemExit) as ended:
        main("adopt", ["--autoencoder", str(place / "tiny.safetensors"), *options])
    said = capsys.readouterr()
    assert not ended.value.code, said.err
    assert "4 channels at 1/8, checked on 3 photographs" in said.out
    assert f"use it with --autoencoder {place / 'run'}" in said.out
    assert (place / "run" / "autoencoder.safetensors").is_file()
    with pytest.raises(SystemExit) as ended:
        main("adopt", ["--autoencoder", str(place / "photos" / "a.png"), *options[:3], str(place / "new")])
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.err.count("\n") == 1 and "not a safetensors file" in said.err
    assert not (place / "new").exists()
