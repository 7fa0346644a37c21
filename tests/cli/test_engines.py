"""`--engine` and what it asks for; what it does is tested with the library."""

import importlib.util

import pytest


@pytest.fixture
def folders(helpers, tmp_path):
    helpers.write_photos(tmp_path / "in", ("a.png",))
    helpers.write_hole(tmp_path / "in" / "a_mask.png", helpers.smooth(48, 64)[..., 0] > 100)
    return ("--indir", tmp_path / "in", "--outdir", tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--engine", "spark"), "there is no --engine 'spark': choose one of local, ray"),
        (("--ray-address", "10.0.0.1:6379"), "--ray-address is that of a Ray cluster: add --engine ray"),
        (
            ("--engine", "ray", "--refine"),
            "--refine with --engine ray needs --memory, the GiB that each worker may take",
        ),
        (("--outdir", "s3://bucket/out"), "s3://bucket/out is no folder of this machine: --engine ray fills it"),
        (("--engine", "ray", "--outdir", "s4://b/out"), "s4://b/out cannot be reached: Protocol not known: s4"),
    ],
)
def test_what_does_not_fit_is_one_sentence(folders, command, words, sentence, model_files):
    answer = command("inpaint", "--model", model_files["ffc"], *folders, *words)
    assert answer.status == 2 and len(answer.complaints) == 1 and sentence in answer.err


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_one_sentence_says_what_to_install(folders, command, model_files):
    answer = command("inpaint", "--model", model_files["ffc"], *folders, "--engine", "ray")
    assert answer.status == 2 and "pip install 'latentinpaint[ray]'" in answer.err
