"""LaMa's ``config.yaml``: what it says of the generator, held against the checkpoint beside it.

The shapes of a checkpoint tell its sizes; the configuration alone tells what leaves no trace in them, such as the
output's activation. Both have to agree. References of OmegaConf's kind, ``${section.key}``, are followed.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from latentinpaint.errors import InputError
from latentinpaint.lama.layout import HALVINGS, Dimensions

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_MOST_CHANNELS = 1024  # LaMa's default for max_features

# What LaMa takes where its configuration is silent.
DEFAULTS = {"n_downsampling": 3, "n_blocks": 9, "ngf": 64, "add_out_act": True, "max_features": _MOST_CHANNELS}
TRAINING_DEFAULTS = {"concat_mask": True, "noise_fill_hole": False, "add_noise_kwargs": None}

# Settings of which this package computes one value only.
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
    """The settings of a ``config.yaml`` that matter here: "generator" and "training_model", references followed.

    Returns:
        None if the file has no section "generator", so that it is not LaMa's.

    Raises:
        InputError: if it is no YAML, or refers to what is not there.
    """
    try:
        root = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not YAML: correct it, or give the right one with --lama-config") from error
    if not isinstance(root, Mapping) or not isinstance(root.get("generator"), Mapping):
        return None
    sections = {"generator": root["generator"]}
    training = root.get("training_model")
    sections["training_model"] = {
        key: training[key] for key in TRAINING_DEFAULTS if isinstance(training, Mapping) and key in training
    }
    try:
        return _followed(sections, root, ())
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def check_config(config: Mapping[str, Any], dimensions: Dimensions) -> float:
    """Hold a configuration against the sizes of a checkpoint.

    Returns:
        The configuration's ratio of global channels.

    Raises:
        InputError: which names the setting that contradicts the checkpoint, or that this package cannot compute.
    """
    generator = {**DEFAULTS, **config["generator"]}
    for name, value in {**TRAINING_DEFAULTS, **config["training_model"]}.items():
        if value != TRAINING_DEFAULTS[name]:
            raise InputError(_only(f"training_model.{name}", value, TRAINING_DEFAULTS[name]))
    sizes = {"ngf": dimensions.ngf, "n_blocks": dimensions.blocks}
    for name, value in generator.items():
        if name in sizes and value != sizes[name]:
            raise InputError(f"the configuration says {name} {value}, the checkpoint's shapes {sizes[name]}")
        if name in GENERATOR and value != GENERATOR[name]:
            raise InputError(_only(name, value, GENERATOR[name]))
        if name not in {*sizes, *GENERATOR, *IGNORED, *CONVOLUTIONS, "max_features"} and value not in (None, False):
            raise InputError(_unknown(f"generator.{name}"))
    _check_most_channels(generator["max_features"], dimensions)
    return _check_ratios({name: generator.get(name) or {} for name in CONVOLUTIONS}, dimensions)


def make_config(dimensions: Dimensions, ratio: float) -> str:
    """The generator's section of a ``config.yaml``, and that the mask is the fourth channel, as text."""
    plain = {"ratio_gin": 0, "ratio_gout": 0, "enable_lfu": False}
    generator = {
        **{name: GENERATOR[name] for name in ("kind", "input_nc", "output_nc", "n_downsampling", "add_out_act")},
        "ngf": dimensions.ngf,
        "n_blocks": dimensions.blocks,
        "init_conv_kwargs": plain,
        "downsample_conv_kwargs": dict(plain),
        "resnet_conv_kwargs": {"ratio_gin": ratio, "ratio_gout": ratio, "enable_lfu": False},
    }
    if dimensions.latent != min(_MOST_CHANNELS, dimensions.ngf * 2**HALVINGS):
        generator["max_features"] = dimensions.latent
    return yaml.safe_dump({"generator": generator, "training_model": {"concat_mask": True}}, sort_keys=False)


def _check_most_channels(most: object, dimensions: Dimensions) -> None:
    if not isinstance(most, int) or min(most, dimensions.ngf * 2**HALVINGS) != dimensions.latent:
        raise InputError(
            f"the configuration says max_features {most}, the checkpoint has {dimensions.latent} channels in its "
            f"blocks and ngf {dimensions.ngf}"
        )


def _check_ratios(convolutions: Mapping[str, Any], dimensions: Dimensions) -> float:
    for section, settings in convolutions.items():
        if not isinstance(settings, Mapping):
            raise InputError(f"the configuration's {section} is no list of settings")
        for name, value in settings.items():
            if name not in CONVOLUTION and not name.startswith("ratio_") and value not in (None, False):
                raise InputError(_unknown(f"{section}.{name}"))
            if name in CONVOLUTION and value != CONVOLUTION[name]:
                raise InputError(_only(f"{section}.{name}", value, CONVOLUTION[name]))
    for section, name in (("init", "gin"), ("init", "gout"), ("downsample", "gin"), ("downsample", "gout")):
        value = convolutions[f"{section}_conv_kwargs"].get(f"ratio_{name}", 0)
        if value != 0:
            raise InputError(_only(f"{section}_conv_kwargs.ratio_{name}", value, 0))
    blocks = convolutions["resnet_conv_kwargs"]
    ratio = blocks.get("ratio_gin", 0)
    for name, value in (("ratio_gin", ratio), ("ratio_gout", blocks.get("ratio_gout", ratio))):
        fits = isinstance(value, int | float) and 0 <= value <= 1
        fits = fits and int(dimensions.latent * value) == dimensions.wide
        if not fits:
            raise InputError(
                f"the configuration says resnet_conv_kwargs.{name} {value}, the checkpoint has {dimensions.wide} "
                f"global channels of {dimensions.latent}"
            )
    return float(ratio)


def _unknown(name: str) -> str:
    return f"the configuration has a setting that latentinpaint does not know: {name}"


def _only(name: str, value: object, computed: object) -> str:
    return f"the configuration says {name} {_spelled(value)}, latentinpaint computes {_spelled(computed)} only"


def _spelled(value: object) -> str:
    """A value as YAML writes it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _followed(value: object, root: Mapping[str, Any], trail: tuple[str, ...]) -> Any:
    """`value` with every reference replaced by what it leads to; `trail` are the references that led here."""
    if isinstance(value, Mapping):
        return {str(key): _followed(inner, root, trail) for key, inner in value.items()}
    if isinstance(value, list):
        return [_followed(inner, root, trail) for inner in value]
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
    return _followed(target, root, (*trail, name))
