"""The settings of comparisons and benchmarks: plain values, which a command line sets and other processes receive.

This module imports nothing heavy, so that a command can explain its options at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

# Where results go and how they are computed, which does not change them.
_NOT_RECORDED = (
    "output",
    "jobs",
    "keep_fills",
    "download",
    "lpips_network",
    "features",
    "engine",
    "ray_address",
)


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """What every comparison of methods has: pictures, metrics, and how it is run.

    It has no methods, which a command line would take for subcommands.

    Args:
        images: folder of undamaged photographs.
        output: folder for the report, and for the fills.
        seed: of the holes and of the samples.
        limit: evaluate only so many pictures, the first by name.
        lpips_network: any of squeeze, alex and vgg, separated by commas; '' for none.
        lpips_weights: torchvision's weights file of the first of these networks, by default the one in torch's cache;
            without it everything but LPIPS is computed.
        features: networks of Fréchet and kernel distances: squeeze and inception (FID and KID), separated by commas.
        inception_weights: torch-fidelity's weights file, by default the one in torch's cache.
        download: fetch missing weights files into torch's cache, checking them.
        jobs: processes, by default one a core; figures do not depend on it.
        keep_fills: keep the fills as files.
        device: where models run: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
        engine: local for this machine; ray for the machines of a Ray cluster, which all see the pictures by the same
            path, or at an address such as s3://bucket/photos.
        ray_address: of the cluster, by default the one in RAY_ADDRESS, or else this machine alone.
    """

    images: str
    output: str
    seed: int = 0
    limit: int | None = None
    lpips_network: str = "squeeze"
    lpips_weights: str | None = None
    features: str = "squeeze,inception"
    inception_weights: str | None = None
    download: bool = False
    jobs: int | None = None
    keep_fills: bool = True
    device: str | None = None
    engine: str = "local"
    ray_address: str | None = None


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig(EvaluationConfig):
    """Everything that methods have in common when they fill holes and are compared.

    Args:
        masks: folder of masks, named after their pictures: photo_mask001.png or photo.png for photo.jpg.
        mask_preset: without a folder of masks, thin, medium, thick, training or patches, drawn by seed and file name.
        num_samples: samples of a flow; above 1 their mean, the best of them and their calibration are evaluated too.
        steps: solver steps of a flow, by default the model's own.
        refine: models fill pictures above 256 pixels from coarse to fine, as inpaint does with refine and crop off.
        size: evaluate the middle square of every picture, scaled to so many pixels; by default all of it as it is.
    """

    masks: str | None = None
    mask_preset: str = "thick"
    num_samples: int = 1
    steps: int | None = None
    refine: bool = False
    size: int | None = None


def counts(config: EvaluationConfig) -> dict[str, int | None]:
    """The settings that start at 1, by their names; None where the default is taken."""
    found: dict[str, int | None] = {}
    for name in ("num_samples", "steps", "limit", "size", "jobs"):
        if hasattr(config, name):
            found[name] = getattr(config, name)
    return found


def recorded_settings(config: EvaluationConfig, kind: type[EvaluationConfig] = BenchmarkConfig) -> dict[str, Any]:
    """The settings that decide the figures, as a report lists them.

    Args:
        config: the settings, or a command's options, which have more.
        kind: whose fields they are.
    """
    settings = {}
    for field in fields(kind):
        value = getattr(config, field.name)
        if value is not None and field.name not in _NOT_RECORDED:
            settings[field.name] = value
    return {**settings, "lpips": split_names(config.lpips_network), "features": split_names(config.features)}


def split_names(texts: str | Sequence[str] | None) -> tuple[str, ...]:
    """Several names, each once: from a list, or from a text with commas."""
    if texts is None:
        return ()
    if isinstance(texts, str):
        texts = texts.split(",")
    names = dict.fromkeys(text.strip() for text in texts)
    names.pop("", None)
    return tuple(names)
