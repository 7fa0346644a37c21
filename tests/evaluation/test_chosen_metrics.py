"""The metrics that settings name: which are evaluated, and what of their weights is downloaded."""

import pytest

from latentinpaint.errors import InputError
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.chosen_metrics import build_evaluator, build_evaluator_of_pictures, download_weights
from latentinpaint.metrics import weight_files


def config_of(**options):
    return BenchmarkConfig(images="photos", output="out", **options)


def test_only_what_is_missing_is_downloaded(tmp_path, monkeypatch):
    """Neither a file that was set nor one that is there; each one once."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    fetched = []
    logged = []
    monkeypatch.setattr(weight_files.WeightFile, "fetch", lambda file: fetched.append(file.file_name))

    def download(**options):
        download_weights(config_of(**options), logged.append)

    download(lpips_network="alex,squeeze", features="squeeze,inception")
    names = ["alexnet-owt-7be5be79.pth", "squeezenet1_1-b8a52dc0.pth", "weights-inception-2015-12-05-6726825d.pth"]
    assert fetched == names and all(name in text for name, text in zip(names, logged, strict=True))
    weight_files.SQUEEZENET.path.parent.mkdir(parents=True)
    weight_files.SQUEEZENET.path.write_bytes(b"")
    fetched.clear()
    download(lpips_network="alex", lpips_weights="x", inception_weights="y")
    assert fetched == []


@pytest.mark.parametrize(
    "options",
    [dict(lpips_network="resnet"), dict(features="vgg"), dict(lpips_network="squeeze", lpips_weights="nowhere")],
)
def test_what_was_asked_for_and_cannot_be_had_is_an_error(options, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError):
        build_evaluator(config_of(**options))


def test_metrics_of_pictures_need_no_feature_network(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    evaluator, notes = build_evaluator_of_pictures()
    assert list(evaluator.networks) == [] and {"psnr", "ssim"} <= {metric.name for metric in evaluator.metrics}
    assert len(notes) == 1 and notes[0].startswith("LPIPS(squeeze) is left out: ")
    with pytest.raises(InputError, match="nowhere"):
        build_evaluator_of_pictures("nowhere")
