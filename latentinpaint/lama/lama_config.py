"""LaMa's ``config.yaml``: its description of the generator, compared with the checkpoint beside it.

The shapes of a checkpoint contain its sizes; only the configuration says what the shapes cannot show, such as the
output's activation. Both have to agree. OmegaConf's references, ``${section.key}``, are resolved.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from latentinpaint.errors import InputError
from latentinpaint.lama.layout import HALVINGS, Dimensions

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_MAX_FEATURES = 1024

# LaMa's own defaults.
DEFAULTS = {"n_downsampling": 3, "n_blocks": 9, "ngf": 64, "add_out_act": True, "max_features": _MAX_FEATURES}
TRAINING_DEFAULTS = {"concat_mask": True, "noise_fill_hole": False, "add_noise_kwargs": None}

# Settings of which this package supports one value only.
GENERATOR = {
    "kind": "ffc_resnet",
    "input_nc": 4,
    "output_nc": 3,
    "n_downsampling": HALVINGS,
    "add_out_act": "sigmoid",
    "padding_type": "reflect",
    "out_ffc": False,
    "spatial_transform_layers": None,
}
CONVOLUTION = {"enable_lfu": False, "gated": False, "padding_type": "reflect"}
IGNORED = {"out_ffc_kwargs", "spatial_transform_kwargs"}  # of parts that are switched off above
CONVOLUTIONS = ("init_conv_kwargs", "downsample_conv_kwargs", "resnet_conv_kwargs")


def read_config(path: Path) -> dict[str, Any] | None:
    """The settings of a ``config.yaml`` that matter here: "generator" and "training_model", references resolved.

    Returns:
        None if the file has no section "generator", so that it is not LaMa's.

    Raises:
        InputError: if it is no YAML, or has a reference to a setting that is not there.
    """
    try:
        root = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not YAML: correct it, or give LaMa's own config.yaml") from error
    if not isinstance(root, Mapping) or not isinstance(root.get("generator"), Mapping):
        return None
    sections = {"generator": root["generator"]}
    training = root.get("training_model")
    sections["training_model"] = {}
    if isinstance(training, Mapping):
        for key in TRAINING_DEFAULTS:
            if key in training:
                sections["training_model"][key] = training[key]
    try:
        return _resolved(sections, root, ())
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def check_config(config: Mapping[str, Any], dimensions: Dimensions) -> float:
    """Compare a configuration with the sizes of a checkpoint.

    Returns:
        The configuration's ratio of global channels.

    Raises:
        InputError: which names the setting that contradicts the checkpoint, or that this package does not support.
    """
    generator = {**DEFAULTS, **config["generator"]}
    for name, value in config["training_model"].items():
        _check_only(f"training_model.{name}", value, TRAINING_DEFAULTS[name])
    sizes = {"ngf": dimensions.ngf, "n_blocks": dimensions.blocks}
    for name, value in generator.items():
        if name in sizes and value != sizes[name]:
            raise InputError(f"the configuration says {name} {value}, the checkpoint's shapes {sizes[name]}")
        if name in GENERATOR:
            _check_only(name, value, GENERATOR[name])
        elif name not in {*sizes, *IGNORED, *CONVOLUTIONS, "max_features"}:
            _check_off(f"generator.{name}", value)
    _check_max_features(generator["max_features"], dimensions)
    convolutions = {name: generator.get(name) or {} for name in CONVOLUTIONS}
    _check_convolutions(convolutions)
    return _check_ratios(convolutions, dimensions)


def make_config(dimensions: Dimensions, ratio: float) -> str:
    """The generator's section of a ``config.yaml``, and that the mask is the fourth channel, as text."""
    generator = {
        "kind": GENERATOR["kind"],
        "input_nc": GENERATOR["input_nc"],
        "output_nc": GENERATOR["output_nc"],
        "n_downsampling": GENERATOR["n_downsampling"],
        "add_out_act": GENERATOR["add_out_act"],
        "ngf": dimensions.ngf,
        "n_blocks": dimensions.blocks,
        "init_conv_kwargs": {"ratio_gin": 0, "ratio_gout": 0, "enable_lfu": False},
        "downsample_conv_kwargs": {"ratio_gin": 0, "ratio_gout": 0, "enable_lfu": False},
        "resnet_conv_kwargs": {"ratio_gin": ratio, "ratio_gout": ratio, "enable_lfu": False},
    }
    if dimensions.latent != min(_MAX_FEATURES, dimensions.ngf * 2**HALVINGS):
        generator["max_features"] = dimensions.latent
    return yaml.safe_dump({"generator": generator, "training_model": {"concat_mask": True}}, sort_keys=False)


def _check_max_features(value: object, dimensions: Dimensions) -> None:
    if not isinstance(value, int) or min(value, dimensions.ngf * 2**HALVINGS) != dimensions.latent:
        raise InputError(
            f"the configuration says max_features {value}, the checkpoint has {dimensions.latent} channels in its "
            f"blocks and ngf {dimensions.ngf}"
        )


def _check_convolutions(convolutions: Mapping[str, Any]) -> None:
    """Everything but the ratios of global channels, which have to be 0 before the blocks."""
    for section, settings in convolutions.items():
        if not isinstance(settings, Mapping):
            raise InputError(f"the configuration's {section} is no list of settings")
        for name, value in settings.items():
            if name in CONVOLUTION:
                _check_only(f"{section}.{name}", value, CONVOLUTION[name])
            elif not name.startswith("ratio_"):
                _check_off(f"{section}.{name}", value)
    for section in ("init_conv_kwargs", "downsample_conv_kwargs"):
        for name in ("ratio_gin", "ratio_gout"):
            _check_only(f"{section}.{name}", convolutions[section].get(name, 0), 0)


def _check_ratios(convolutions: Mapping[str, Any], dimensions: Dimensions) -> float:
    """The blocks' ratio of global channels, which has to give the checkpoint's number of them."""
    blocks = convolutions["resnet_conv_kwargs"]
    ratio = blocks.get("ratio_gin", 0)
    for name, value in (("ratio_gin", ratio), ("ratio_gout", blocks.get("ratio_gout", ratio))):
        fraction = isinstance(value, int | float) and 0 <= value <= 1
        if not fraction or int(dimensions.latent * value) != dimensions.num_global:
            raise InputError(
                f"the configuration says resnet_conv_kwargs.{name} {value}, the checkpoint has "
                f"{dimensions.num_global} global channels of {dimensions.latent}"
            )
    return float(ratio)


def _check_off(name: str, value: object) -> None:
    """A setting that this package does not know has to be switched off."""
    if value not in (None, False):
        raise InputError(f"the configuration has a setting that latentinpaint does not know: {name}")


def _check_only(name: str, value: object, supported: object) -> None:
    if value != supported:
        raise InputError(
            f"the configuration says {name} {_as_yaml(value)}, latentinpaint computes {_as_yaml(supported)} only"
        )


def _as_yaml(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _resolved(value: object, root: Mapping[str, Any], trail: tuple[str, ...]) -> Any:
    """`value` with every reference replaced by its target; `trail` are the references that led here."""
    if isinstance(value, Mapping):
        return {str(key): _resolved(inner, root, trail) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, root, trail) for inner in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    match = _REFERENCE.fullmatch(value.strip())
    if match is None:
        raise InputError(f"the reference '{value}' cannot be followed: write the value itself")
    name = match[1].strip()
    if name in trail:
        raise InputError(f"the reference ${{{name}}} leads back to itself: write the value itself")
    target: Any = root
    for part in name.split("."):
        if not isinstance(target, Mapping) or part not in target:
            raise InputError(f"the reference ${{{name}}} leads nowhere: write the value itself")
        target = target[part]
    return _resolved(target, root, (*trail, name))
