"""What is compared: anything that fills a hole.

A method is named by a short text, the same in commands and reports:

    telea                a key of `BASELINES`: mean, telea, ns, biharmonic, patchmatch
    runs/latent_ffc      a trained model: its folder or file
    results/lama         a folder of pictures that another program made, named after the masks or the pictures
    lama=results/lama    either of those two under a name of its own
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError
from latentinpaint.evaluation.baselines import BASELINES, Baseline
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.files import sha256_of
from latentinpaint.hole import is_hole
from latentinpaint.images.folders import list_pictures
from latentinpaint.images.image_files import read_picture
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.fill import fill_holes
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inpainter import Inpainter
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.pretrained.model_paths import PIPELINE_FILE, PRETRAINED, pipeline_file
from latentinpaint.runtime.randomness import seed_for


class MethodError(Exception):
    """A method has no fill of an item that could be evaluated; the message says why, for people."""


class Method(ABC):
    """Fills holes.

    Attributes:
        name: unique among those compared, the key in files.
        label: the name for people.
        num_samples: fills of a hole, 1 for a method that has but one.
        device: where it works.
        network: its calls are counted as evaluations; None if there is none.
    """

    name: str
    label: str
    num_samples: int = 1
    device: torch.device = torch.device("cpu")
    network: nn.Module | None = None

    @abstractmethod
    def fill(self, item: DatasetItem, num_samples: int = 1) -> Tensor:
        """The first `num_samples` fills (num_samples, 3, H, W) on the CPU.

        Raises:
            MethodError: if there is none.
        """

    @abstractmethod
    def identity(self, item: DatasetItem) -> str:
        """Whatever decides the fill besides the item: as long as it stays the same, so does the fill."""


class BaselineMethod(Method):
    """A method that needs no training."""

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self.name = baseline.name
        self.label = baseline.label

    def fill(self, item: DatasetItem, num_samples: int = 1) -> Tensor:
        return self.baseline(item.image, item.mask)

    def identity(self, item: DatasetItem) -> str:
        return f"{self.baseline.name} {sorted(vars(self.baseline).items())}"


@dataclass
class ModelMethod(Method):
    """A trained model.

    options: how it fills; each item has a seed of its own, made of the options'. texture: the model's own.
    fingerprint: a checksum of its file.
    """

    name: str
    label: str
    pipeline: InpaintPipeline
    options: FillOptions = field(default_factory=lambda: FillOptions(crop=None))
    texture: PatchTexture | None = None
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if self.pipeline.refiner.stochastic:
            self.num_samples = self.options.num_samples
        self.device = self.pipeline.autoencoder.latent_mean.device
        self.network = self.pipeline.refiner.core

    def fill(self, item: DatasetItem, num_samples: int = 1) -> Tensor:
        options = replace(self.options, num_samples=num_samples, seed=self.seed_for_item(item))
        holes = list(is_hole(item.mask))
        return fill_holes(self.pipeline, list(item.image), holes, options, self.texture, self.device)[0]

    def seed_for_item(self, item: DatasetItem) -> int:
        """Of an item's samples: each has its own, or one lucky draw of noise would decide about all pictures."""
        return seed_for(self.options.seed, item.name) % 2**31

    def identity(self, item: DatasetItem) -> str:
        samples: tuple[int | None, ...] = ()
        if self.pipeline.refiner.stochastic:
            samples = (self.num_samples, self.options.steps, self.options.seed)
        refined = ""
        if self.options.refine:
            refined = " refined"
        return f"model {self.fingerprint} {samples} {self.device.type}{refined}"


class ResultFolder(Method):
    """Pictures that another program made.

    The file for an item is named after its mask (as LaMa writes them) or, where the picture has one hole only, after
    the picture, with any suffix, in the same sub-folder. Outside the hole the true picture is put back before it is
    evaluated, as by every other method.

    Args:
        name: what the method is called.
        folder: where the pictures are.

    Raises:
        InputError: if the folder holds no picture.
    """

    def __init__(self, name: str, folder: str | Path) -> None:
        self.name = name
        self.label = name
        self.folder = Path(folder)
        self.files: dict[str, list[Path]] = {}
        for path in list_pictures(folder):
            self.files.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
        if not self.files:
            raise InputError(f"the folder {folder} holds no picture, so there is no result to evaluate")

    def fill(self, item: DatasetItem, num_samples: int = 1) -> Tensor:
        path = self._file(item)
        try:
            # In the black and white of the true picture: a result has none of its own.
            result = read_picture(path).with_range(item.sample_range)
            pixels = torch.from_numpy(result.rgb()).permute(2, 0, 1)[None]
        except InputError as error:
            raise MethodError(str(error)) from error
        if pixels.shape != item.image.shape:
            raise MethodError(f"{path} is {_size(pixels)} pixels, the picture {_size(item.image)}")
        return torch.where(is_hole(item.mask), pixels, item.image)

    def identity(self, item: DatasetItem) -> str:
        try:
            return "file " + sha256_of(self._file(item))
        except (MethodError, InputError):
            return "no file"

    def _file(self, item: DatasetItem) -> Path:
        names = item.results or (item.name,)
        for name in names:
            found = self.files.get(name, [])
            if len(found) == 1:
                return found[0]
            if found:
                raise MethodError(f"{found[0]} and {found[1].name} could both be meant")
        raise MethodError(f"{self.folder} has no picture called {' or '.join(names)}")


def model_options(config: BenchmarkConfig) -> FillOptions:
    """How the models of a benchmark fill: whole pictures, and alike whatever memory is free."""
    refine: bool | Refinement = False
    if config.refine:
        refine = Refinement(memory=math.inf)
    return FillOptions(config.num_samples, config.seed, config.steps, refine, crop=None)


def build_methods(texts: Sequence[str], options: FillOptions, device: str | None = None) -> list[Method]:
    """The methods that texts name (see the module), in their order.

    Args:
        texts: what to compare.
        options: how models fill.
        device: where models work, None for a GPU if there is one.

    Raises:
        InputError: if one cannot be had, or two have the same name.
    """
    methods: list[Method] = []
    for text, name in zip(texts, method_names(texts), strict=True):
        methods.append(_build_method(_split_name(text)[1], name, options, device))
    return methods


def _build_method(text: str, name: str, options: FillOptions, device: str | None) -> Method:
    if text in BASELINES and name == text:
        BASELINES[text].check()
        return BaselineMethod(BASELINES[text])
    if _is_model(Path(text)):
        inpainter = Inpainter.from_pretrained(text, device)
        fingerprint = sha256_of(pipeline_file(text))
        return ModelMethod(name, name, inpainter.fused, options, inpainter.texture, fingerprint)
    if Path(text).is_dir():
        return ResultFolder(name, text)
    raise InputError(
        f"there is no method '{text}': choose any of {', '.join(BASELINES)}, a model's folder or file, "
        "or a folder of results"
    )


def method_names(texts: Sequence[str]) -> list[str]:
    """The names of the methods that texts name, one each.

    A run's folder names its model, the file inside being always called the same; twins get their whole path.

    Raises:
        InputError: if two have the same name.
    """
    own = [_split_name(text) for text in texts]
    short = Counter(_short(Path(path)) for _, path in own)
    names: list[str] = []
    for name, path in own:
        if name is None:
            name = _short(Path(path))
            if short[name] > 1:
                name = path
        names.append(name)
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(f"two methods are called '{name}': give one a name of its own, such as mine={name}")
    return names


def check_fill(fill: Tensor, item: DatasetItem) -> None:
    """Raise `MethodError` unless the fills (K, 3, H, W) are numbers of the item's size."""
    if fill.shape[1:] != item.image.shape[1:]:
        raise MethodError(f"the fill has shape {tuple(fill.shape)}, not that of the picture")
    wrong = (~fill.isfinite()).sum().item()
    if wrong:
        raise MethodError(f"{wrong} values of the fill are not numbers (NaN or infinite)")


def to_eight_bits(fill: Tensor) -> Tensor:
    """The picture that a file of 8 bits would hold: clamped to [0, 1] and rounded to 1/255."""
    return (fill.clamp(0, 1) * 255).round() / 255


def describe(method: Method) -> dict[str, Any]:
    """What a report says of a method besides its figures."""
    about: dict[str, Any] = {"label": method.label, "kind": type(method).__name__}
    if isinstance(method, ModelMethod):
        about |= {"refiner": type(method.pipeline.refiner).__name__, "sha256": method.fingerprint}
        if method.options.refine:
            about["refine"] = True
        if method.pipeline.refiner.stochastic:
            options = method.options
            about |= {"num_samples": method.num_samples, "steps": options.steps, "seed": options.seed}
    return about


def _split_name(text: str) -> tuple[str | None, str]:
    """`name=path`, or the path alone."""
    name, equals, path = text.partition("=")
    if equals and name and not Path(text).exists():
        return name, path
    return None, text


def _short(path: Path) -> str:
    if path.name == PIPELINE_FILE:
        return path.parent.name
    if path.suffix == ".safetensors":
        return path.stem
    return path.name or str(path)


def _is_model(path: Path) -> bool:
    if path.suffix == ".safetensors" or (path / PIPELINE_FILE).is_file():
        return True
    return str(path) in PRETRAINED and not path.exists()


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"
