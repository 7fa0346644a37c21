"""Filling with what `requirements/fill.txt` names alone."""

import configparser
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import latentinpaint

PROJECT = Path(__file__).parent.parent
REQUIREMENTS = PROJECT / "requirements" / "fill.txt"

# Packages that only training and evaluation need; a name that is not here would be blocked in vain.
NOT_NEEDED = [
    "albumentations",
    "kornia",
    "lightning_fabric",
    "lpips",
    "matplotlib",
    "pytorch_lightning",
    "skimage",
    "tensorboard",
    "torch_fidelity",
    "torchmetrics",
    "torchvision",
]
WITHOUT_THEM = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {NOT_NEEDED}:
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Missing())
sys.path.insert(0, {str(Path(latentinpaint.__file__).parents[1])!r})
"""
PYTHON_API = """
from PIL import Image
from latentinpaint import Inpainter

assert not any(name.partition(".")[0] in ("jsonargparse", "rich", "yaml") for name in sys.modules)
inpainter = Inpainter.from_pretrained("default", "cpu")
filled = inpainter(Image.open("photo.png"), Image.open("mask.png"))
assert filled.size == (60, 50)
"""
COMMAND_LINE = """
from latentinpaint.cli import main

for arguments in sys.argv[1:]:
    try:
        main(arguments=arguments.split())
    except SystemExit as end:
        print(arguments.split()[0], "ended with", end.code)
"""


@pytest.fixture
def folder(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    mask = Image.new("L", (60, 50))
    mask.paste(255, (20, 20, 35, 30))
    mask.save(tmp_path / "mask.png")
    (tmp_path / "photos").mkdir()
    Image.fromarray(photo).save(tmp_path / "photos" / "photo.png")
    return tmp_path


def run(folder, program, *arguments):
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_filling_needs_no_more_and_other_commands_say_in_one_sentence_what_is_missing(folder):
    """In one process, which takes a while to start: `Inpainter` first, which reads no command line."""
    done = run(
        folder,
        WITHOUT_THEM + PYTHON_API + COMMAND_LINE,
        "inpaint --image photo.png --mask mask.png --output filled.png",
        "inpaint --indir photos --mask mask.png --outdir out",
        "doctor --image photo.png --mask mask.png",
        "doctor --data photos",
        "train_latent --autoencoder default --data.root photos",
        "evaluate --images photos --output report",
        "quickstart",
    )
    statuses = [line for line in done.stdout.splitlines() if " ended with " in line]
    assert done.returncode == 0, done.stderr
    assert statuses == [
        "inpaint ended with 0",
        "inpaint ended with 0",
        "doctor ended with 0",
        "doctor ended with 0",
        "train_latent ended with 2",
        "evaluate ended with 2",
        "quickstart ended with 2",
    ], done.stdout + done.stderr
    sentences = done.stderr.strip().splitlines()[-3:]
    for command, sentence in zip(("train_latent", "evaluate", "quickstart"), sentences, strict=True):
        assert sentence.startswith(f"latentinpaint {command}: this needs the package ")
        assert "pip install latentinpaint" in sentence
    assert (folder / "filled.png").exists() and (folder / "out" / "photo.png").exists()


def test_the_requirements_are_a_part_of_all():
    setup = configparser.ConfigParser()
    setup.read(PROJECT / "setup.cfg")
    everything = setup["options"]["install_requires"].split("\n")
    lines = REQUIREMENTS.read_text().splitlines()
    assert {line for line in lines if line and line[0] != "#"} < set(everything)
