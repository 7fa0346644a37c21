"""Methods by their texts; what other programs made; what no fill may be."""

import math

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.dataset import DatasetItem, dataset_from_folders
from latentinpaint.evaluation.methods import (
    BaselineMethod,
    MethodError,
    ModelMethod,
    ResultFolder,
    build_methods,
    check_fill,
    method_names,
    model_options,
    to_eight_bits,
)
from latentinpaint.inference import feature_refinement
from latentinpaint.inference.feature_refinement import Refinement, sample_refined
from latentinpaint.inpainter import Inpainter
from latentinpaint.weights import load_pipeline


def item(name="a_mask001", picture="a.png", size=(20, 24), results=("a_mask001", "a")):
    generator = torch.Generator().manual_seed(0)
    image = (torch.rand(1, 3, *size, generator=generator) * 255).round() / 255
    mask = torch.zeros(1, 1, *size)
    mask[..., 4:9, 5:12] = 1
    return DatasetItem(name, image, mask, picture, results)


def build(*texts, **options):
    """The methods that a benchmark with these settings compares."""
    config = BenchmarkConfig(images="photos", output="out", **options)
    return build_methods(texts, model_options(config), "cpu")


def save(path, tensor):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((tensor[0] * 255).round().byte().permute(1, 2, 0).numpy()).save(path)


def test_texts_make_methods(model_files, tmp_path):
    save(tmp_path / "results" / "a.png", item().image)
    texts = ["telea", str(model_files["ffc"].parent), f"mine={model_files['flow']}", f"lama={tmp_path / 'results'}"]
    methods = build(*texts, num_samples=3)
    assert [m.name for m in methods] == ["telea", "ffc", "mine", "lama"]
    assert [type(m) for m in methods] == [BaselineMethod, ModelMethod, ModelMethod, ResultFolder]
    assert [m.num_samples for m in methods] == [1, 1, 3, 1]  # only a flow has several
    assert methods[0].label == "OpenCV Telea"


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["magic"], "no method 'magic'"),
        (["telea", "telea"], "two methods are called 'telea'"),
        (["void"], "no picture"),
        (["x=nowhere"], "no method 'nowhere'"),
    ],
)
def test_other_texts_are_one_sentence(texts, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match=sentence):
        build(*texts)


def test_twins_are_told_apart_by_their_paths(model_files, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "run").mkdir(parents=True)
        (tmp_path / name / "run" / "model.safetensors").write_bytes(model_files["ffc"].read_bytes())
    texts = [str(tmp_path / name / "run") for name in ("one", "two")]
    assert [m.name for m in build(*texts)] == texts


@pytest.mark.parametrize("name", ["a_mask001.png", "a_mask001.jpg", "a.png", "a.webp"])
def test_results_are_found_by_the_masks_or_the_pictures_name(name, tmp_path):
    wanted = item()
    fill = torch.full_like(wanted.image, 0.2)
    save(tmp_path / name, fill)
    fill = ResultFolder("lama", tmp_path).fill(wanted)
    hole = wanted.mask.bool().expand_as(fill)
    assert torch.allclose(fill[hole], torch.tensor(0.2), atol=0.02)
    assert torch.equal(fill[~hole], wanted.image[~hole])  # known pixels are put back


def test_the_masks_name_comes_first(tmp_path):
    save(tmp_path / "a.png", torch.full((1, 3, 20, 24), 0.8))
    save(tmp_path / "a_mask001.png", torch.full((1, 3, 20, 24), 0.2))
    assert ResultFolder("lama", tmp_path).fill(item())[0, 0, 5, 6] == pytest.approx(0.2)


def test_a_dot_in_a_name_is_part_of_it(tmp_path):
    save(tmp_path / "a.b_mask001.png", torch.full((1, 3, 20, 24), 0.4))
    save(tmp_path / "a.png", torch.full((1, 3, 20, 24), 0.8))
    fill = ResultFolder("lama", tmp_path).fill(item("a.b_mask001", "a.b.png", results=("a.b_mask001", "a.b")))
    assert fill[0, 0, 5, 6] == pytest.approx(0.4)


def test_a_picture_with_several_holes_has_a_result_for_each(helpers, tmp_path):
    """What fills one of its holes holds the truth in another: under the picture's name it is of neither."""
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    for name, rows in (("a_mask001", slice(2, 9)), ("a_mask002", slice(20, 30)), ("b.1_mask001", slice(2, 9))):
        hole = np.zeros((40, 48), bool)
        hole[rows, 5:20] = True
        helpers.write_hole(tmp_path / "masks" / f"{name}.png", hole)
    Image.fromarray(helpers.smooth(40, 48, seed=1)).save(tmp_path / "b.1.png")
    found = {c.name: c.results for c in dataset_from_folders(tmp_path, tmp_path / "masks")}
    assert found == {
        "a_mask001": ("a_mask001",),
        "a_mask002": ("a_mask002",),
        "b.1_mask001": ("b.1_mask001", "b.1"),
    }


def test_what_a_result_lacks_is_said(tmp_path):
    save(tmp_path / "b.png", item().image)
    folder = ResultFolder("lama", tmp_path)
    with pytest.raises(MethodError, match="no picture called a_mask001 or a"):
        folder.fill(item())
    with pytest.raises(MethodError, match="24x20 pixels, the picture 24x21"):
        folder.fill(item("b", "b.png", (21, 24), ("b",)))
    (tmp_path / "c.png").write_bytes(b"no picture")
    with pytest.raises(MethodError, match="c.png"):
        ResultFolder("lama", tmp_path).fill(item("c", "c.png", results=("c",)))
    save(tmp_path / "b.jpg", item().image)
    with pytest.raises(MethodError, match="both"):
        ResultFolder("lama", tmp_path).fill(item("b", "b.png", results=("b",)))


def test_a_result_that_is_no_number_is_not_evaluated(tmp_path):
    pixels = item().image[0].permute(1, 2, 0).numpy().copy()
    pixels[5, 6, 1] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with pytest.raises(MethodError):
        check_fill(ResultFolder("lama", tmp_path).fill(item()), item())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_fills_are_numbers_of_the_pictures_size(value):
    fill = item().image.clone()
    check_fill(fill, item())
    fill[0, 1, 2, 3] = value
    with pytest.raises(MethodError, match="1 values"):
        check_fill(fill, item())
    with pytest.raises(MethodError, match="shape"):
        check_fill(fill[..., 1:], item())


@pytest.mark.parametrize(
    ("level", "file"), [(10.2, 10), (10.49, 10), (10.51, 11), (-3.0, 0), (255.4, 255), (300.0, 255)]
)
def test_fills_are_what_a_file_of_8_bits_holds(level, file):
    assert to_eight_bits(torch.tensor([level / 255])).item() == pytest.approx(file / 255, abs=1e-7)


def test_what_decides_a_fill_is_its_identity(model_files, tmp_path):
    flow, ffc = str(model_files["flow"]), str(model_files["ffc"])

    def identity(text, **options):
        return build(text, **options)[0].identity(item())

    assert identity(flow) == identity(flow) != identity(ffc)
    for options in (dict(seed=1), dict(steps=2), dict(num_samples=2)):
        assert identity(flow, **options) != identity(flow)
        assert identity(ffc, **options) == identity(ffc)  # they do not reach a refiner of one pass
    save(tmp_path / "a.png", item().image)
    folder = ResultFolder("lama", tmp_path)
    before = folder.identity(item())
    save(tmp_path / "a.png", item().image * 0.5)
    assert folder.identity(item()) != before != folder.identity(item("b", "b.png", results=("b",)))


def test_a_model_fills_as_its_pipeline(model_files):
    (method,) = build(str(model_files["flow"]), num_samples=3, seed=5)
    wanted = item(size=(32, 40))
    expected = load_pipeline(model_files["flow"]).sample(wanted.image, wanted.mask, 3, method.seed_for_item(wanted))[
        0
    ]
    # What fills is a fused copy, and another batch may round otherwise; the sample is the same.
    assert torch.allclose(method.fill(wanted, 3), expected, atol=1e-5)
    assert torch.allclose(method.fill(wanted, 1), expected[:1], atol=1e-5)


def test_a_model_that_refines(model_files, monkeypatch):
    """Another fill of large pictures, under another identity; whatever memory is free."""
    monkeypatch.setattr(feature_refinement, "free_memory", lambda device: 2**20)
    (plain,), (refining,) = (build(str(model_files["ffc"]), refine=r) for r in (False, True))
    wanted = item(size=(260, 264))
    assert refining.identity(wanted) != plain.identity(wanted)
    how = Refinement(memory=math.inf)
    pipeline = Inpainter.from_pretrained(model_files["ffc"], "cpu").fused
    expected = sample_refined(pipeline, wanted.image, wanted.mask, refinement=how)[0]
    assert torch.equal(refining.fill(wanted), expected)
    assert not torch.allclose(plain.fill(wanted), expected)
    assert torch.allclose(refining.fill(item()), plain.fill(item()), atol=1e-5)


def test_every_picture_has_its_own_noise(model_files):
    (method,) = build(str(model_files["flow"]), seed=5)
    seeds = {method.seed_for_item(item(name)) for name in ("a", "b", "c")}
    assert len(seeds) == 3 and all(0 <= seed < 2**31 for seed in seeds)
    assert method.seed_for_item(item("a")) == build(str(model_files["flow"]), seed=5)[0].seed_for_item(item("a"))


@pytest.mark.parametrize(
    ("text", "name"), [("results/v1.0", "v1.0"), ("runs/x/model.safetensors", "x"), ("runs/y.safetensors", "y")]
)
def test_names_from_paths(text, name):
    assert method_names([text]) == [name]


def test_patchmatch_copies_what_is_there():
    """A texture that repeats every eight pixels is completed nearly; smooth methods cannot."""
    pytest.importorskip("patchmatch", reason="pypatchmatch is not installed")
    tile = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
    image = tile.repeat(1, 8, 8)[None]
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 24:40, 24:40] = 1
    fill = BASELINES["patchmatch"](image, mask)
    error, smooth = ((f - image).abs().sum() for f in (fill, BASELINES["telea"](image, mask)))
    assert error < 0.3 * smooth
    assert torch.equal(BASELINES["patchmatch"](image, mask), fill)


def test_without_patchmatch_one_sentence(monkeypatch):
    from latentinpaint.evaluation import baselines

    monkeypatch.setattr(baselines.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install pypatchmatch"):
        build("patchmatch")


def test_biharmonic_continues_a_ramp():
    """A linear ramp is biharmonic, so the equation has it for its solution; the mean colour does not."""
    ramp = torch.linspace(0.1, 0.9, 48).expand(1, 3, 40, 48).contiguous()
    mask = torch.zeros(1, 1, 40, 48)
    mask[..., 15:25, 18:30] = 1
    assert (BASELINES["biharmonic"](ramp, mask) - ramp).abs().max() < 1e-3
    assert (BASELINES["mean"](ramp, mask) - ramp).abs().max() > 0.05
