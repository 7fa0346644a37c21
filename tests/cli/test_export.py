"""The command `latentinpaint export`: its files are run without the package, its mistakes are one sentence."""

import importlib.util
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from latentinpaint.inference.texture import PatchTexture
from latentinpaint.models import IdentityAutoencoder
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner
from latentinpaint.weights import Model, load_pipeline, save_model

SHAPES = [(1, 64, 96), (2, 40, 33), (3, 9, 72)]


@pytest.fixture
def pixels(tmp_path):
    """A model file that is exported fast."""
    save_model(
        Model(InpaintPipeline(IdentityAutoencoder(), FFCRefiner(3, blocks=0))), tmp_path / "pixels.safetensors"
    )
    return tmp_path / "pixels.safetensors"


def random_inputs(batch, height, width):
    torch.manual_seed(batch)
    return torch.rand(batch, 3, height, width), (torch.rand(batch, 1, height, width) > 0.6).float()


def test_onnx(model_files, done, tmp_path):
    path = tmp_path / "new" / "model.onnx"
    result = done("export", "--model", model_files["ffc"], "--output", path)
    first, second = result.out.splitlines()
    assert first.startswith(f"wrote {path}, ") and second.startswith("largest difference from the model's output")
    assert float(second.split()[-1]) < 1e-4 and result.err == ""
    assert list(path.parent.iterdir()) == [path]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    operators = {node.op_type for node in model.graph.node}
    assert "MatMul" in operators and not any("DFT" in name or "FFT" in name for name in operators)
    assert {entry.domain for entry in model.opset_import} == {""} and not model.functions
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [i.shape for i in session.get_inputs()] == [["batch", n, "height", "width"] for n in (3, 1)]
    pipeline = load_pipeline(model_files["ffc"])
    for shape in SHAPES:
        image, mask = random_inputs(*shape)
        [filled] = session.run(["filled"], {"image": image.numpy(), "mask": mask.numpy()})
        assert np.abs(filled - pipeline(image, mask).numpy()).max() < 1e-4
        known = (mask < 0.5).expand_as(image).numpy()
        assert np.array_equal(filled[known], image.numpy()[known])


def test_texture_is_left_out_with_a_note(pixels, done, tmp_path):
    save_model(Model(load_pipeline(pixels), PatchTexture()), tmp_path / "textured.safetensors")
    result = done("export", "--model", tmp_path / "textured.safetensors", "--output", tmp_path / "model.pt2")
    assert "the file holds the networks alone" in result.err
    image, mask = random_inputs(1, 64, 96)
    program = torch.export.load(tmp_path / "model.pt2").module()
    assert torch.allclose(program(image, mask), load_pipeline(pixels)(image, mask), atol=1e-4)


def test_a_program_runs_without_this_package(model_files, done, tmp_path):
    path = tmp_path / "model.pt2"
    done("export", "--model", model_files["ffc"], "--output", path)
    cases = [random_inputs(*shape) for shape in SHAPES]
    torch.save(cases, tmp_path / "cases.pt")
    code = """
import sys, torch
class Refuse:
    def find_spec(self, name, *rest):
        assert not name.startswith("latentinpaint"), name
sys.meta_path.insert(0, Refuse())
program = torch.export.load(sys.argv[1]).module()
torch.save([program(*case) for case in torch.load(sys.argv[2])], sys.argv[3])
"""
    files = [str(path), str(tmp_path / "cases.pt"), str(tmp_path / "outputs.pt")]
    ended = subprocess.run([sys.executable, "-c", code, *files], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    pipeline = load_pipeline(model_files["ffc"])
    for case, result in zip(cases, torch.load(files[-1]), strict=True):
        torch.testing.assert_close(result, pipeline(*case), atol=1e-5, rtol=0)


REFUSED = {
    "a flow": ("--model {flow} --output {new}.onnx", "ffc"),
    "an autoencoder": ("--model {autoencoder} --output {new}.onnx", "autoencoder alone"),
    "no such model": ("--model {new}/absent --output {new}.onnx", "{new}/absent"),
    "unknown ending": ("--model {ffc} --output {new}.tflite", "a .onnx or a .pt2 file"),
    "no ending": ("--model {ffc} --output {new}", "a .onnx or a .pt2 file"),
    "unknown format": ("--model {ffc} --output {new}.onnx --format tflite", "choose one of onnx, pt2"),
    "another ending": ("--model {ffc} --output {new}.onnx --format pt2", "--format pt2 writes a .pt2 file"),
    "an old opset": ("--model {ffc} --output {new}.onnx --opset 9", "18 to 23"),
    "an opset of words": ("--model {ffc} --output {new}.onnx --opset new", "--opset takes a whole number"),
    "an opset for torch": ("--model {ffc} --output {new}.pt2 --opset 18", "--opset belongs to"),
    "no size": ("--model {ffc} --output {new}.onnx --size large", "384x512"),
    "too small a size": ("--model {ffc} --output {new}.onnx --size 1x64", "2 x 2"),
    "a folder": ("--model {ffc} --output {folder.onnx}", "{folder.onnx}"),
    "under a file": ("--model {ffc} --output {ffc}/model.onnx", "{ffc}"),
    "no output": ("--model {ffc}", "--output"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, command, model_files, tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    names = {**model_files, "new": tmp_path / "new", "folder.onnx": tmp_path / "folder.onnx"}
    options, named = REFUSED[case]
    for name, path in names.items():
        options, named = options.replace("{" + name + "}", str(path)), named.replace("{" + name + "}", str(path))
    result = command("export", *options.split())
    assert result.status == 2 and len(result.complaints) == 1, result
    assert named in result.complaints[0] and "Error" not in result.err, result.err
    assert [path.name for path in tmp_path.iterdir()] == ["folder.onnx"]


@pytest.fixture
def without(monkeypatch):
    """Call it with packages that are then not to be found."""
    find = importlib.util.find_spec

    def hide(*packages):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in packages else find(name))

    return hide


def test_without_the_packages_for_onnx(pixels, command, without, tmp_path):
    without("onnxscript", "onnx")
    result = command("export", "--model", pixels, "--output", tmp_path / "x.onnx")
    assert result.status == 2 and len(result.complaints) == 1
    assert "onnx and onnxscript" in result.err and "pip install 'latentinpaint[export]'" in result.err
    assert not (tmp_path / "x.onnx").exists()


def test_without_onnxruntime_the_file_is_written_but_not_compared(pixels, done, without, tmp_path):
    without("onnxruntime")
    result = done("export", "--model", pixels, "--output", tmp_path / "x.onnx", "--size", "16x12", "--opset", "19")
    assert result.err.startswith("note: not compared") and "pip install 'latentinpaint[export]'" in result.err
    assert len(result.out.splitlines()) == 1
    assert [entry.version for entry in onnx.load(tmp_path / "x.onnx").opset_import] == [19]
