"""The blocks of `docs/python.md` run, one after the other, in a folder as the page describes it."""

import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PAGE = Path(__file__).parent.parent / "docs" / "python.md"


@pytest.fixture
def folder(tmp_path, model_files, hub, monkeypatch):
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(photo).resize((64, 48)).save(tmp_path / "photo.jpg")
    mask = Image.new("L", (64, 48))
    mask.paste(255, (20, 20, 40, 34))
    mask.save(tmp_path / "mask.png")
    (tmp_path / "runs" / "latent_flow").mkdir(parents=True)
    shutil.copy(model_files["flow"], tmp_path / "runs" / "latent_flow")
    hub.commits["org/name"] = [
        ("0123456789abcdef" * 2 + "01234567", {"model.safetensors": model_files["ffc"].read_bytes()})
    ]
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_the_writer")
    monkeypatch.chdir(tmp_path)
    # What a program says to its loggers is for the whole process.
    monkeypatch.setattr(logging, "basicConfig", lambda: None)
    yield tmp_path
    logging.getLogger("latentinpaint").setLevel(logging.NOTSET)


@pytest.mark.skipif(not PAGE.exists(), reason="the pages are not here")
def test_the_blocks_of_the_page_run(folder, capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    names = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    printed = capsys.readouterr().out.split()
    assert printed[0] == "0%" and "100%" in printed and printed[-1] == "cancelled"
