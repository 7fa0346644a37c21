"""There and back: the same tensors bit for bit; what cannot be converted is refused by its name."""

import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from oracles_lama import Generator, config_text, random_state, write_folder
from safetensors import safe_open
from safetensors.torch import save_file

from latentinpaint.errors import InputError
from latentinpaint.lama import Dimensions, load_lama, save_lama
from latentinpaint.models import IdentityAutoencoder, LamaAutoencoder, MaskControl
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner, FlowRefiner
from latentinpaint.weights import Model, load_pipeline, save_model

LAST = "generator.model.18.weight"  # the last convolution after two blocks


def assert_equal_states(first, second):
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert value.dtype == second[key].dtype and torch.equal(value, second[key]), key


def state(**arguments):
    return random_state(**{"ngf": 4, "blocks": 2, **arguments})


def pipeline(refiner=None, control=False, **autoencoder):
    torch.manual_seed(0)
    made = LamaAutoencoder(4, **{"mask_channel": True, **autoencoder})
    refiner = refiner or FFCRefiner(made.latent_channels, blocks=2)
    return InpaintPipeline(made, refiner, MaskControl(made) if control else None).eval()


# There and back -------------------------------------------------------------------------------------------

SHAPES = [
    dict(),
    dict(ratio=0.0),
    dict(ratio=1.0),
    dict(blocks=0, ratio=0.5),
    dict(ngf=7, ratio=0.3),
    dict(ngf=8, ratio=0.75, most=50),
]


@pytest.mark.parametrize("arguments", SHAPES, ids=str)
def test_no_bit_changes(arguments, tmp_path):
    theirs = state(**arguments)
    for name in (name for name in theirs if name.endswith("num_batches_tracked")):
        theirs[name] = torch.tensor(2**40 + 3)
    converted = load_lama(write_folder(tmp_path / "lama", {"state_dict": theirs}))
    save_model(Model(converted.pipeline), tmp_path / "ours")
    written, config = save_lama(load_pipeline(tmp_path / "ours"), tmp_path / "back" / "best.ckpt")
    content = torch.load(written, weights_only=True)
    assert set(content) == {"state_dict"}
    assert_equal_states(content["state_dict"], theirs)
    again = load_lama(written)
    assert not again.notes and again.dimensions == converted.dimensions
    assert again.pipeline.refiner.arguments == converted.pipeline.refiner.arguments
    assert_equal_states(again.pipeline.state_dict(), converted.pipeline.state_dict())


def test_a_model_of_this_package_goes_there_and_comes_back(tmp_path):
    ours = pipeline(FFCRefiner(32, blocks=1, ratio=0.6))
    written, config = save_lama(ours, tmp_path / "lama")
    assert written == tmp_path / "lama" / "models" / "best.ckpt" and config == tmp_path / "lama" / "config.yaml"
    back = load_lama(tmp_path / "lama")
    assert back.pipeline.refiner.arguments == ours.refiner.arguments
    assert_equal_states(back.pipeline.state_dict(), ours.state_dict())
    image, mask = torch.rand(1, 3, 32, 24), torch.zeros(1, 1, 32, 24)
    mask[..., 5:20, 3:20] = 1
    theirs = torch.load(written, weights_only=True)["state_dict"]
    expected = Generator(theirs, 1)(torch.cat([image * (1 - mask), mask], dim=1))
    inside = mask.expand_as(image) == 1
    assert (ours(image, mask) - expected)[inside].abs().max() < 1e-4


def test_the_configuration_that_is_written(tmp_path):
    save_lama(pipeline(FFCRefiner(32, blocks=3, ratio=0.5)), tmp_path / "best.pth")
    plain = {"ratio_gin": 0, "ratio_gout": 0, "enable_lfu": False}
    assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == {
        "generator": {
            "kind": "ffc_resnet",
            "input_nc": 4,
            "output_nc": 3,
            "ngf": 4,
            "n_downsampling": 3,
            "n_blocks": 3,
            "add_out_act": "sigmoid",
            "init_conv_kwargs": plain,
            "downsample_conv_kwargs": plain,
            "resnet_conv_kwargs": {"ratio_gin": 0.5, "ratio_gout": 0.5, "enable_lfu": False},
        },
        "training_model": {"concat_mask": True},
    }
    assert not re.search(r"[&*]id|!!", (tmp_path / "config.yaml").read_text())


@pytest.mark.parametrize("config", [config_text(4, 2), None], ids=["config", "shapes alone"])
def test_what_the_file_says(config, tmp_path):
    content = {"state_dict": state(), "epoch": 12, "global_step": 3400, "optimizer_states": [{"lr": 0.1}]}
    converted = load_lama(write_folder(tmp_path / "lama", content, config))
    assert converted.dimensions == Dimensions(ngf=4, latent=32, blocks=2, num_global=24)
    assert converted.pipeline.autoencoder.arguments == LamaAutoencoder(4, mask_channel=True).arguments
    assert converted.pipeline.refiner.arguments == FFCRefiner(32, 2, 0.75).arguments
    assert converted.pipeline.control is None and not converted.pipeline.training
    assert not any(parameter.requires_grad for parameter in converted.pipeline.autoencoder.parameters())
    assert {key: converted.recipe[key] for key in ("converted_from", "file", "epoch", "global_step")} == {
        "converted_from": "LaMa",
        "file": "best.ckpt",
        "epoch": 12,
        "global_step": 3400,
    }
    assert len(converted.recipe["sha256"]) == 64
    assert len(converted.notes) == (config is None) and all("sigmoid" in note for note in converted.notes)
    save_model(Model(converted.pipeline, recipe=converted.recipe), tmp_path / "model.safetensors")
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["latentinpaint"])["recipe"] == converted.recipe


@pytest.mark.parametrize("prefix", ["generator.model.", "model."])
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_plain_state_dicts(prefix, wrapped, suffix, tmp_path):
    weights, expected = state(prefix=prefix), load_lama(write_folder(tmp_path / "lama", {"state_dict": state()}))
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(weights, path)
    else:
        torch.save({"state_dict": weights} if wrapped else weights, path)
    assert_equal_states(load_lama(path).pipeline.state_dict(), expected.pipeline.state_dict())


def test_other_networks_of_a_training_run_are_left_out(tmp_path):
    others = {
        "discriminator.model0.0.weight": torch.zeros(3),
        "loss_resnet_pl.impl.conv1.weight": torch.zeros(2),
        "generator_average.model.1.ffc.convl2l.weight": torch.zeros(1),
    }
    content = {"state_dict": {**others, **state()}}
    converted = load_lama(write_folder(tmp_path / "lama", content))
    written, _ = save_lama(converted.pipeline, tmp_path / "back.pt")
    assert_equal_states(torch.load(written, weights_only=True)["state_dict"], state())


def test_half_precision_is_widened(tmp_path):
    halves = {name: value.half() if value.is_floating_point() else value for name, value in state().items()}
    converted = load_lama(write_folder(tmp_path / "lama", halves))
    assert {value.dtype for value in converted.pipeline.state_dict().values()} == {torch.float32, torch.int64}
    first = converted.pipeline.state_dict()["autoencoder.encoder.0.0.weight"]
    assert torch.equal(first.half(), halves["generator.model.1.ffc.convl2l.weight"])


def test_every_number_of_global_channels_comes_back():
    """num_global / latent, rounded down again, may be one channel short: the ratio that is stored is not."""
    from latentinpaint.lama.conversion import _ratio

    for latent in (32, 40, 56, 88, 392, 1024):
        for num_global in range(latent + 1):
            ratio = _ratio(Dimensions(1, latent, 1, num_global))
            assert 0 <= ratio <= 1 and int(latent * ratio) == num_global


# From LaMa: what is refused -------------------------------------------------------------------------------


def extra(name, *shape):
    return lambda s: s | {f"generator.{name}": torch.zeros(shape)}


def without(name):
    return lambda s: {key: value for key, value in s.items() if key != f"generator.{name}"}


def reshaped(name, *shape):
    return extra(name, *shape)


def with_halving(weights):
    """A fourth halving and upsampling, everything else moved along."""
    deeper = {}
    for name, value in weights.items():
        index, rest = re.fullmatch(r"generator\.model\.(\d+)\.(.*)", name).groups()
        deeper[f"generator.model.{int(index) + (int(index) > 3)}.{rest}"] = value
    return deeper | {"generator.model.4.ffc.convl2l.weight": torch.zeros(32, 16, 3, 3)}


UNFIT = {
    "lfu": (extra("model.5.conv1.ffc.convg2g.lfu.conv_layer.weight", 12, 12, 1, 1), "local Fourier unit"),
    "gates": (extra("model.5.conv1.ffc.gate.weight", 2, 32, 1, 1), "gates"),
    "squeeze": (extra("model.5.conv1.ffc.convg2g.fu.se.fc.0.weight", 2, 2), "squeeze-and-excitation"),
    "spatial transform": (extra("model.5.impl.conv1.ffc.convl2l.weight", 8, 8, 3, 3), "spatial transforms"),
    "out_ffc": (extra("model.17.conv1.ffc.convl2l.weight", 4, 4, 3, 3), "out_ffc"),
    "global from the start": (extra("model.1.ffc.convl2g.weight", 4, 4, 7, 7), "init_conv_kwargs"),
    "global before the last halving": (extra("model.3.ffc.convg2g.conv2.weight", 4, 4, 1, 1), "downsample_conv"),
    "four halvings": (with_halving, "4 times (n_downsampling)"),
    "RGB without a mask": (reshaped("model.1.ffc.convl2l.weight", 4, 3, 7, 7), "takes 3 channels (input_nc)"),
    "four channels out": (reshaped("model.18.weight", 4, 4, 7, 7), "4 channels (output_nc)"),
    "no first convolution": (without("model.1.ffc.convl2l.weight"), "model.1.ffc.convl2l.weight"),
    "no last convolution": (without("model.18.weight"), "model.18.weight"),
    "no statistics": (without("model.6.conv2.bn_g.running_var"), "it has no model.6.conv2.bn_g.running_var"),
    "a stranger": (extra("model.6.conv2.bn_x.weight", 3), "a tensor that LaMa has not: model.6.conv2.bn_x.weight"),
    "a shape": (reshaped("model.2.bn_l.bias", 9), "model.2.bn_l.bias is 9, where 8 fits"),
    "a number": (reshaped("model.2.bn_l.bias"), "model.2.bn_l.bias is a single number, where 8 fits"),
    "channels stop growing": (lambda s: random_state(4, 2, most=12), "max_features"),
    "one global channel": (lambda s: random_state(4, 0, ratio=1 / 32), "one global channel"),
    "double precision": (lambda s: {k: v.double() for k, v in s.items()}, "torch.float64"),
    "no tensor": (lambda s: s | {LAST: [1.0, 2.0]}, "is list"),
    "a sparse tensor": (lambda s: s | {LAST: s[LAST].to_sparse()}, "dense"),
    "a whole number": (
        lambda s: s | {"generator.model.2.bn_l.bias": torch.zeros(8, dtype=torch.int64)},
        "torch.int64",
    ),
    "plain convolutions": (lambda s: {"generator.model.1.weight": torch.zeros(4, 4, 7, 7)}, "kind ffc_resnet"),
    "discriminator only": (
        lambda s: {"discriminator.model0.0.weight": torch.zeros(1)},
        "it has discriminator.model0",
    ),
    "nothing": (lambda s: {}, "it is empty"),
    "strangers": (lambda s: {"generator.model.1.weight": s[LAST], "generator.tail": s[LAST]}, "it has tail"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_cannot_be_computed_is_named(case, tmp_path):
    change, named = UNFIT[case]
    folder = write_folder(tmp_path / "lama", {"state_dict": change(state())})
    with pytest.raises(InputError) as error:
        load_lama(folder)
    message = str(error.value)
    assert named in message and str(folder / "models" / "best.ckpt") in message
    assert "\n" not in message and len(message) < 300 + len(str(folder))


def test_files_that_are_not_there(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty has no models/best\.ckpt"):
        load_lama(tmp_path / "empty")
    with pytest.raises(InputError, match="there is no file .*absent"):
        load_lama(tmp_path / "absent.ckpt")


# To LaMa: what is refused ---------------------------------------------------------------------------------


def standardised():
    made = pipeline()
    made.autoencoder.latent_mean[3] = 0.5
    return made


def scaled():
    made = pipeline()
    made.autoencoder.latent_std[0] = 1.5
    return made


def flow():
    return pipeline(FlowRefiner(32, width=16, multipliers=(1, 2), blocks=1))


PIPELINES = {
    "control": (lambda: pipeline(control=True), "mask control"),
    "no mask channel": (lambda: pipeline(mask_channel=False), "mask_channel"),
    "residual blocks": (lambda: pipeline(residual_blocks=1), "residual_blocks"),
    "no last ReLU": (lambda: pipeline(final_relu=False), "final_relu"),
    "mean": (standardised, "standardised"),
    "standard deviation": (scaled, "standardised"),
    "width": (lambda: pipeline(FFCRefiner(32, 1, width=16)), "width"),
    "delta": (lambda: pipeline(FFCRefiner(32, 1, delta=True)), "delta"),
    "flow": (flow, "FlowRefiner"),
    "pixels": (lambda: InpaintPipeline(IdentityAutoencoder(), FFCRefiner(3, 1, ratio=0)), "IdentityAutoencoder"),
    "a narrow latent": (lambda: pipeline(latent_channels=12), "12 latent channels"),
    "a wide latent": (lambda: pipeline(latent_channels=40), "40 latent channels"),
}


@pytest.mark.parametrize("case", PIPELINES)
def test_what_lamas_layout_cannot_hold(case, tmp_path):
    build, named = PIPELINES[case]
    with pytest.raises(InputError) as error:
        save_lama(build(), tmp_path / "lama")
    assert named in str(error.value) and "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


# Writing --------------------------------------------------------------------------------------------------


def test_another_configuration_is_not_overwritten(tmp_path):
    save_lama(pipeline(), tmp_path / "first.ckpt")
    save_lama(pipeline(), tmp_path / "second.ckpt")  # the same sizes, the same configuration
    before = (tmp_path / "config.yaml").read_bytes()
    with pytest.raises(InputError, match=r"config\.yaml is there already"):
        save_lama(pipeline(FFCRefiner(32, blocks=1)), tmp_path / "third.ckpt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "first.ckpt", "second.ckpt"]
    assert (tmp_path / "config.yaml").read_bytes() == before


@pytest.mark.parametrize("which", [1, 2])
def test_a_failed_write_leaves_nothing(which, tmp_path, monkeypatch):
    """Neither the checkpoint nor its configuration stands alone."""
    write, written = Path.write_bytes, []

    def full(path, content):
        write(path, content[:5])
        written.append(path)
        if len(written) == which:
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="cannot write"):
        save_lama(pipeline(), tmp_path / "best.ckpt")
    assert list(tmp_path.iterdir()) == []
