"""`sample`: what it writes for every way to sample, equal seeds, figures, and mistakes."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.data.distributions import to_range
from latentinpaint.flows import HadamardFlow, MaskConditionedFlow, MultichannelFlow, ScheduledFlow
from latentinpaint.weights import load_flow, save_flow

SHAPE = (3, 8, 8)


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    """Files of untrained flows: points, pictures, mask-conditioned, Hadamard and multichannel."""
    torch.manual_seed(0)
    made = {
        "points": ScheduledFlow((2,), network_arguments={"width": 16}, steps=2),
        "pictures": ScheduledFlow(SHAPE, "add_unet", {"width": 8}, steps=2),
        "conditioned": MaskConditionedFlow(SHAPE, base_channels=8, tolerance=1e-2),
        "hadamard": HadamardFlow(SHAPE, width=16, multipliers=(1, 2), blocks=1, block_side=4, steps=3),
        "multichannel": MultichannelFlow(SHAPE, width=16, multipliers=(1, 2), blocks=1, steps=3),
    }
    for name in ("hadamard", "multichannel"):
        torch.nn.init.normal_(made[name].network.network.answer.weight, std=0.05)
    folder = tmp_path_factory.mktemp("flows")
    for name, flow in made.items():
        save_flow(flow, folder / name / "flow.safetensors")
    return {name: folder / name for name in made}


@pytest.fixture
def sheet(tmp_path):
    """Six pictures of 8 x 8, three beside each other."""
    values = np.random.default_rng(0).integers(1, 256, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "sheet.png")
    return tmp_path / "sheet.png"


def tiles(path, size=8):
    values = np.asarray(Image.open(path).convert("RGB"))
    h, w = values.shape[0] // size, values.shape[1] // size
    return values.reshape(h, size, w, size, 3).transpose(0, 2, 1, 3, 4).reshape(-1, size, size, 3)


TASKS = [
    ("points", "generate", ()),
    ("points", "transport", ("--data", "ring")),
    ("pictures", "generate", ()),
    ("pictures", "transport", ("--data", "SHEET")),
    ("conditioned", "inpaint", ("--data", "SHEET")),
    ("hadamard", "generate", ()),
    ("hadamard", "inpaint", ("--data", "SHEET")),
    ("hadamard", "sequential", ("--data", "SHEET", "--order", "morton")),
    ("hadamard", "sequential", ()),
    ("hadamard", "adaptive", ()),
    ("hadamard", "denoise", ("--data", "SHEET")),
    ("hadamard", "posterior", ("--data", "SHEET", "--noise", "0.5")),
    ("hadamard", "reward", ("--linear", 0.3, "--quadratic", -0.5)),
    ("multichannel", "restore", ("--data", "SHEET", "--channel", "blur=.8", "--channel=noise=.3")),
]


@pytest.mark.parametrize(("model", "task", "options"), TASKS, ids=lambda v: v if isinstance(v, str) else None)
def test_every_task(model, task, options, flows, sheet, done, tmp_path):
    options = [str(sheet) if option == "SHEET" else option for option in options]
    common = ("--model", flows[model], "--task", task, "--num-samples", 4, *options)
    report = tmp_path / "figures.json"
    printed = done("sample", *common, "--output", tmp_path / "rows.npy", "--report", report)
    made = np.load(tmp_path / "rows.npy")
    assert made.shape == (4, *((2,) if model == "points" else SHAPE)) and np.isfinite(made).all()
    assert len(np.unique(made.reshape(4, -1), axis=0)) == 4
    figures = json.loads(report.read_text())
    assert figures["task"] == task and figures["rows"] == 4 and figures["evaluations"] > 0
    restores = model not in ("points", "pictures") and "--data" in options
    assert ("psnr" in figures) == ("PSNR" in printed.out) == restores
    # Other batches, the same samples; another seed, others where anything is random.
    done("sample", *common, "--output", tmp_path / "again.npy", "--batch-size", 3)
    np.testing.assert_allclose(np.load(tmp_path / "again.npy"), made, atol=1e-4)
    done("sample", *common, "--output", tmp_path / "other.npy", "--seed", 5)
    same = np.allclose(np.load(tmp_path / "other.npy"), made, atol=1e-4)
    assert same == (task == "transport" and model == "pictures")
    compare = ("--compare", tmp_path / "pairs.png")
    done("sample", *common, "--output", tmp_path / "sheet_of.png", *compare)
    assert np.asarray(Image.open(tmp_path / "pairs.png")).std() > 5
    if model != "points":
        expected = np.rint((made.clip(-1, 1) + 1) * 127.5).transpose(0, 2, 3, 1)
        assert np.abs(tiles(tmp_path / "sheet_of.png")[:4].astype(int) - expected).max() <= 1


def test_known_pixels_are_exact_in_the_file(flows, sheet, done, tmp_path):
    """And the reported error is that of the file's pixels inside the hole."""
    hole = np.zeros((8, 8), np.uint8)
    hole[2:5, 1:7] = 255
    Image.fromarray(hole).save(tmp_path / "mask.png")
    for model in ("conditioned", "hadamard"):
        options = ("--task", "inpaint", "--data", sheet, "--mask", tmp_path / "mask.png")
        files = ("--output", tmp_path / "filled.png", "--report", tmp_path / "figures.json")
        done("sample", "--model", flows[model], *options, *files)
        filled, truth = tiles(tmp_path / "filled.png"), tiles(sheet)
        assert len(filled) == len(truth) == 6
        assert np.array_equal(filled[:, hole == 0], truth[:, hole == 0])
        error = (filled[:, hole > 0] / 255.0 - truth[:, hole > 0] / 255.0) ** 2
        figures = json.loads((tmp_path / "figures.json").read_text())
        assert figures["mse"] == pytest.approx(error.mean(), abs=2e-3)
        assert figures["psnr"] == pytest.approx((-10 * np.log10(error.mean(axis=(1, 2)))).mean(), abs=0.1)


def test_noise_on_the_way(flows, done, tmp_path):
    """Other samples than without, whatever the batch the same."""
    for name, options in (("a", ()), ("b", ("--epsilon", 0.7)), ("c", ("--epsilon", 0.7, "--batch-size", 2))):
        options = ("--num-samples", 5, "--output", tmp_path / f"{name}.NPY", *options)
        done("sample", "--model", flows["hadamard"], *options)
    a, b, c = (np.load(tmp_path / f"{name}.NPY") for name in "abc")
    assert np.abs(a - b).mean() > 0.01
    np.testing.assert_allclose(b, c, atol=1e-4)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_constant_output_has_a_known_error(flows, sheet, done, tmp_path, monkeypatch):
    """A flow that fills grey: its error is the pictures' distance from grey, over the holes."""
    from latentinpaint.interpolants import Solution

    def grey(self, picture, hole, config=None):
        return Solution(torch.where(hole > 0, 0.0, picture), 1)

    monkeypatch.setattr(HadamardFlow, "inpaint", grey)
    options = ("--task", "inpaint", "--data", sheet, "--output", tmp_path / "o.npy", "--report", tmp_path / "f.json")
    done("sample", "--model", flows["hadamard"], *options, "--mask-preset", "patches")
    made, truth = np.load(tmp_path / "o.npy"), to_range(torch.from_numpy(tiles(sheet).transpose(0, 3, 1, 2))).numpy()
    inside = (made == 0) & (truth != 0)
    assert 0.05 < inside.mean() < 0.9
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["mse"] == pytest.approx((truth[inside] ** 2 / 4).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("model", "options", "word"),
    [
        ("points", ("--task", "inpaint"), "does not inpaint: --task is one of generate, transport"),
        ("conditioned", (), "inpaint needs --data"),
        ("hadamard", ("--data", "moons"), "generate starts from noise: leave --data out"),
        ("hadamard", ("--task", "inpaint", "--data", "moons"), "the flow takes samples of"),
        (
            "hadamard",
            ("--task", "denoise", "--data", "SHEET", "--mask-preset", "thin"),
            "leave --mask-preset out",
        ),
        ("conditioned", ("--data", "SHEET", "--mask-preset", "wide"), "no mask preset 'wide'"),
        ("conditioned", ("--data", "SHEET", "--mask", "SHEET"), "the mask .* is 24 x 16, the flow's are 8 x 8"),
        ("conditioned", ("--data", "SHEET", "--mask", "SHEET", "--mask-preset", "thin"), "not both"),
        ("conditioned", ("--data", "SHEET", "--epsilon", "1"), "--epsilon is for Hadamard and multichannel flows"),
        ("multichannel", ("--data", "SHEET"), "needs the channels that are damaged: give --channel, such as"),
        ("multichannel", ("--data", "SHEET", "--channel", "blurr=.8"), "no channel 'blurr': choose of blur, motion"),
        ("multichannel", ("--data", "SHEET", "--channel", "noise=-1"), "from 0 to 1, not -1.0 as that of noise"),
        ("multichannel", ("--data", "SHEET", "--channel", "noise"), "such as blur=0.8, not as noise"),
        ("multichannel", ("--data", "SHEET", "--channel", "high_pass=1"), "without noise .* give noise of 0.01"),
        ("hadamard", ("--channel", "noise=.1"), "generate takes no channels: leave --channel out"),
        ("hadamard", ("--solver", "rk4"), "euler, midpoint, heun"),
        ("hadamard", ("--task", "posterior", "--data", "SHEET", "--solver", "rk4"), "euler, midpoint, heun"),
        ("hadamard", ("--task", "reward"), "give --quadratic, --linear or both"),
        ("hadamard", ("--task", "reward", "--quadratic", "1"), "0 or below"),
        ("hadamard", ("--linear", "1"), "generate takes no reward: leave --quadratic and --linear out"),
        ("hadamard", ("--tolerance", "0.1"), "--tolerance is dopri5's: leave it out, or give --solver dopri5"),
        (
            "hadamard",
            ("--task", "sequential", "--mask-preset", "thick"),
            "give --data to sequential",
        ),
        (
            "conditioned",
            ("--data", "SHEET", "--steps", "3"),
            "leave --steps out, or give --solver euler",
        ),
        ("hadamard", ("--steps", "0"), "--steps starts at 1"),
        ("hadamard", ("--num-samples", "0"), "--num-samples"),
        ("points", ("--output", "rows.txt"), "--output ends in .png"),
        ("points", ("--compare", "rows.npy"), "--compare ends in .png"),
        ("points", ("--device", "abacus"), "device abacus"),
        ("points", ("--tsk", "generate"), "unknown option --tsk"),
    ],
)
def test_mistakes(model, options, word, flows, sheet, command, tmp_path, monkeypatch):
    import re

    monkeypatch.chdir(tmp_path)
    options = [str(sheet) if option == "SHEET" else option for option in options]
    output = () if "--output" in options else ("--output", "rows.png")
    before = set(tmp_path.iterdir())
    ended = command("sample", "--model", flows[model], *output, *options)
    assert ended.status == 2 and len(ended.complaints) == 1
    assert re.search(word, ended.complaints[0]), ended.complaints
    assert set(tmp_path.iterdir()) == before


def test_a_flow_from_data_generates_nothing(flows, command, done, tmp_path):
    save_flow(load_flow(flows["points"]), tmp_path / "flow.safetensors", {"from_noise": False})
    done("sample", "--model", tmp_path, "--data", "ring", "--output", tmp_path / "rows.npy")  # transport
    ended = command("sample", "--model", tmp_path, "--task", "generate", "--output", tmp_path / "o.npy")
    assert ended.status == 2 and "starts from data, not from noise" in ended.err


def test_models_of_another_kind_are_told_apart(flows, model_files, command, tmp_path):
    ended = command("sample", "--model", model_files["flow"], "--output", tmp_path / "o.png")
    assert ended.status == 2 and "inpaint is the command for it" in ended.err
    ended = command("sample", "--model", model_files["flow"].parent, "--output", tmp_path / "o.png")
    assert ended.status == 2 and "inpaint is the command for it" in ended.err
    Image.new("L", (28, 28)).save(tmp_path / "x.png")
    hole = np.zeros((28, 28), np.uint8)
    hole[9:19, 9:19] = 255
    Image.fromarray(hole).save(tmp_path / "y.png")
    picture = ("--image", tmp_path / "x.png", "--mask", tmp_path / "y.png", "--output", tmp_path / "o.png")
    for path in (flows["conditioned"], flows["conditioned"] / "flow.safetensors"):
        ended = command("inpaint", "--model", path, *picture)
        assert ended.status == 2 and "sample is the command for it" in ended.err
    ended = command(
        "train_latent",
        "--refiner",
        "ffc",
        "--autoencoder",
        flows["conditioned"] / "flow.safetensors",
        "--data.root",
        "samples",
        "--output",
        tmp_path / "run",
    )
    assert ended.status == 2 and "sample is the command for it" in ended.err
