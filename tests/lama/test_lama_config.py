"""LaMa's configuration: references are followed, contradictions are refused by the setting's name."""

import pytest
import yaml
from oracles_lama import config_text, random_state, write_folder

from latentinpaint.errors import InputError
from latentinpaint.lama import load_lama
from latentinpaint.lama.lama_config import read_config


@pytest.fixture(scope="module")
def weights():
    return {"state_dict": random_state(ngf=4, blocks=2)}


def changed(path, value):
    """The usual configuration with one setting changed, or left out if `value` is ..."""
    config = yaml.safe_load(config_text(4, 2))
    *sections, name = path.split(".")
    inner = config
    for section in sections:
        inner = inner.setdefault(section, {})
    if value is ...:
        del inner[name]
    else:
        inner[name] = value
    return yaml.safe_dump(config)


def test_references_are_followed(tmp_path):
    (tmp_path / "config.yaml").write_text(config_text(16, 3, 0.5))
    settings = read_config(tmp_path / "config.yaml")
    assert settings["training_model"] == {"concat_mask": True}
    generator = settings["generator"]
    plain = {"ratio_gin": 0, "ratio_gout": 0, "enable_lfu": False}
    assert generator["init_conv_kwargs"] == plain and generator["downsample_conv_kwargs"] == plain
    assert generator["resnet_conv_kwargs"] == {"ratio_gin": 0.5, "ratio_gout": 0.5, "enable_lfu": False}
    assert (generator["ngf"], generator["n_blocks"]) == (16, 3)


FITTING = [
    ("generator.n_blocks", "${sizes.blocks}"),
    ("generator.max_features", 1024),
    ("generator.max_features", 32),
    ("generator.out_ffc", False),
    ("generator.out_ffc_kwargs", {"ratio_gin": 0.5}),
    ("generator.spatial_transform_layers", None),
    ("generator.n_downsampling", ...),
    ("generator.resnet_conv_kwargs.gated", False),
    ("generator.resnet_conv_kwargs.enable_lfu", ...),
    ("generator.resnet_conv_kwargs.ratio_gin", 0.76),  # int(32 * 0.76) is 24 too
    ("training_model.noise_fill_hole", False),
    ("training_model.add_noise_kwargs", None),
    ("training_model", ...),
    ("discriminator", {"kind": "pix2pixhd_nlayer"}),
]


@pytest.mark.parametrize(("path", "value"), FITTING)
def test_configurations_that_fit(path, value, weights, tmp_path):
    text = changed(path, value) + "\nsizes: {blocks: '${deeper.blocks}'}\ndeeper: {blocks: 2}\n"
    converted = load_lama(write_folder(tmp_path / "lama", weights, text))
    assert not converted.notes and converted.dimensions.num_global == 24
    assert converted.pipeline.refiner.arguments["ratio"] == (0.76 if value == 0.76 else 0.75)


CONTRADICTING = [
    ("generator.ngf", 8, "ngf 8, the checkpoint's shapes 4"),
    ("generator.ngf", ..., "ngf 64"),
    ("generator.n_blocks", 9, "n_blocks 9, the checkpoint's shapes 2"),
    ("generator.n_downsampling", 4, "n_downsampling 4"),
    ("generator.kind", "pix2pixhd_global", "kind pix2pixhd_global"),
    ("generator.input_nc", 3, "input_nc 3"),
    ("generator.output_nc", 4, "output_nc 4"),
    ("generator.add_out_act", "tanh", "add_out_act tanh, latentinpaint computes sigmoid only"),
    ("generator.add_out_act", True, "add_out_act true"),
    ("generator.add_out_act", False, "add_out_act false"),
    ("generator.add_out_act", ..., "add_out_act true"),
    ("generator.out_ffc", True, "out_ffc true"),
    ("generator.padding_type", "zero", "padding_type zero"),
    ("generator.spatial_transform_layers", [2], "spatial_transform_layers [2]"),
    ("generator.max_features", 30, "max_features 30"),
    ("generator.max_features", "many", "max_features many"),
    ("generator.new_thing", 3, "generator.new_thing"),
    ("generator.init_conv_kwargs.ratio_gout", 0.5, "init_conv_kwargs.ratio_gout 0.5"),
    ("generator.downsample_conv_kwargs.ratio_gout", 0.25, "downsample_conv_kwargs.ratio_gout 0.25"),
    ("generator.resnet_conv_kwargs.ratio_gin", 0.5, "resnet_conv_kwargs.ratio_gin 0.5"),
    ("generator.resnet_conv_kwargs.ratio_gout", 0.5, "resnet_conv_kwargs.ratio_gout 0.5"),
    ("generator.resnet_conv_kwargs.enable_lfu", True, "resnet_conv_kwargs.enable_lfu true"),
    ("generator.resnet_conv_kwargs.gated", True, "resnet_conv_kwargs.gated true"),
    ("generator.resnet_conv_kwargs.spatial_scale_factor", 0.5, "resnet_conv_kwargs.spatial_scale_factor"),
    ("generator.resnet_conv_kwargs", "many", "resnet_conv_kwargs is no"),
    ("training_model.concat_mask", False, "training_model.concat_mask false"),
    ("training_model.noise_fill_hole", True, "training_model.noise_fill_hole true"),
    ("generator.ngf", "${generator.ngf}", "leads back to itself"),
    ("generator.ngf", "${no.where}", "${no.where} leads nowhere"),
    ("generator.ngf", "${generator.kind.letters}", "leads nowhere"),
    ("generator.ngf", "${.kind}", "leads nowhere"),
    ("generator.ngf", "${env:NGF}", "leads nowhere"),
    ("generator.ngf", "4${generator.kind}", "cannot be followed"),
]


@pytest.mark.parametrize(("path", "value", "named"), CONTRADICTING)
def test_contradictions_are_named(path, value, named, weights, tmp_path):
    folder = write_folder(tmp_path / "lama", weights, changed(path, value))
    with pytest.raises(InputError) as error:
        load_lama(folder)
    assert named in str(error.value) and str(folder) in str(error.value) and "\n" not in str(error.value)


def test_where_the_configuration_is_looked_for(weights, tmp_path):
    wrong, right = config_text(8, 2), config_text(4, 2)
    folder = write_folder(tmp_path / "lama", weights, wrong)
    (folder / "models" / "config.yaml").write_text(right)
    assert not load_lama(folder / "models" / "best.ckpt").notes  # beside comes first
    (folder / "models" / "config.yaml").write_text("this: is another program's")
    with pytest.raises(InputError, match="ngf 8"):
        load_lama(folder / "models" / "best.ckpt")
    (tmp_path / "right.yaml").write_text(right)
    assert not load_lama(folder, tmp_path / "right.yaml").notes
    with pytest.raises(InputError, match="no section 'generator'"):
        load_lama(folder, folder / "models" / "config.yaml")
    with pytest.raises(InputError, match="cannot read"):
        load_lama(folder, tmp_path / "absent.yaml")


@pytest.mark.parametrize("content", [b"generator: [", b"\xff\xfe\x00", b"a: !!python/object/apply:os.getcwd []"])
def test_no_yaml(content, weights, tmp_path):
    folder = write_folder(tmp_path / "lama", weights)
    (folder / "config.yaml").write_bytes(content)
    with pytest.raises(InputError, match=r"config\.yaml is not YAML"):
        load_lama(folder)
