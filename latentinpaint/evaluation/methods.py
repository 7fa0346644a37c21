"""What is compared: anything that fills a hole.

A method is told by a short text, the same in commands and reports:

    telea                a key of `BASELINES`: mean, telea, ns, biharmonic, patchmatch
    runs/latent_ffc      a trained model: its folder or file
    results/lama         a folder of pictures that another program made, named after the masks or the pictures
    lama=results/lama    either of those two under a name of its own
"""

import hashlib
import math
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError
from latentinpaint.evaluation.baselines import BASELINES, Baseline
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.images.image_files import list_pictures, read_picture
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.fill import fill_holes
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inpainter import Inpainter
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.weights import PIPELINE_FILE, PRETRAINED, pipeline_file


class MethodError(Exception):
    """A method has no answer that could be judged for a case; the message says why, for people."""


class Method(ABC):
    """Fills holes.

    Attributes:
        name: unique among those compared, the key in files.
        label: the name for people.
        num_samples: answers a hole, 1 for a method that has but one.
        device: where it works.
        network: what is counted as an evaluation, None without.
    """

    name: str
    label: str
    num_samples: int = 1
    device: torch.device = torch.device("cpu")
    network: nn.Module | None = None

    @abstractmethod
    def fill(self, case: DatasetItem, num_samples: int = 1) -> Tensor:
        """The first `num_samples` answers (num_samples, 3, H, W) on the CPU.

        Raises:
            MethodError: if there is none.
        """

    @abstractmethod
    def identity(self, case: DatasetItem) -> str:
        """Whatever decides the answer besides the case: as long as it stays the same, so does the answer."""


@dataclass
class BaselineMethod(Method):
    """A method that needs no training."""

    baseline: Baseline

    @property
    def name(self) -> str:
        return self.baseline.name

    @property
    def label(self) -> str:
        return self.baseline.label

    def fill(self, case: DatasetItem, num_samples: int = 1) -> Tensor:
        return self.baseline(case.image, case.mask)

    def identity(self, case: DatasetItem) -> str:
        return f"{self.baseline.name} {sorted(vars(self.baseline).items())}"


@dataclass
class ModelMethod(Method):
    """A trained model; `fingerprint` tells its weights, `refine` whether large pictures are refined."""

    name: str
    label: str
    pipeline: InpaintPipeline
    num_samples: int = 1
    steps: int | None = None
    seed: int = 0
    fingerprint: str = ""
    refine: bool = False
    texture: PatchTexture | None = None

    def __post_init__(self) -> None:
        if not self.pipeline.refiner.stochastic:
            self.num_samples = 1
        self.device = self.pipeline.autoencoder.latent_mean.device
        self.network = self.pipeline.refiner.core

    def fill(self, case: DatasetItem, num_samples: int = 1) -> Tensor:
        # Whatever memory is free, or figures would depend on it.
        refine = Refinement(memory=math.inf) if self.refine else False
        asked = FillOptions(num_samples, self.seed_for_item(case), self.steps, refine, crop=None)
        return fill_holes(self.pipeline, case.image, case.mask > 0.5, asked, self.texture, self.device)[0]

    def seed_for_item(self, case: DatasetItem) -> int:
        """Of a case's samples: each has its own, or one lucky draw of noise would decide about all pictures alike."""
        return (self.seed * 1_000_003 + zlib.crc32(case.name.encode())) % 2**31

    def identity(self, case: DatasetItem) -> str:
        asked = (self.num_samples, self.steps, self.seed) if self.pipeline.refiner.stochastic else ()
        return f"model {self.fingerprint} {asked} {self.device.type}{' refined' * self.refine}"


class ResultFolder(Method):
    """Pictures that another program made.

    The file for a case is named after its mask (as LaMa writes them) or, where the picture has one hole only, after
    the picture, with any suffix, in the same sub-folder. Outside the hole the true picture is put back before it is
    judged, as by every other method.

    Args:
        name: what the method is called.
        folder: where the pictures are.

    Raises:
        InputError: if the folder holds no picture.
    """

    def __init__(self, name: str, folder: str | Path) -> None:
        self.name = self.label = name
        self.folder = Path(folder)
        self.files: dict[str, list[Path]] = {}
        for path in list_pictures(folder):
            self.files.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
        if not self.files:
            raise InputError(f"the folder {folder} holds no picture, so there is no result to judge")

    def fill(self, case: DatasetItem, num_samples: int = 1) -> Tensor:
        path = self._file(case)
        try:
            pixels = torch.from_numpy(read_picture(path).rgb()).permute(2, 0, 1)[None]
        except InputError as error:
            raise MethodError(str(error)) from error
        if pixels.shape != case.image.shape:
            found, wanted = (f"{x.shape[-1]}x{x.shape[-2]}" for x in (pixels, case.image))
            raise MethodError(f"{path} is {found} pixels, the picture {wanted}")
        return torch.where(case.mask > 0.5, pixels, case.image)

    def identity(self, case: DatasetItem) -> str:
        try:
            return "file " + hashlib.sha256(self._file(case).read_bytes()).hexdigest()
        except (MethodError, OSError):
            return "no file"

    def _file(self, case: DatasetItem) -> Path:
        names = case.results or (case.name,)
        for name in names:
            found = self.files.get(name, [])
            if len(found) == 1:
                return found[0]
            if found:
                raise MethodError(f"{found[0]} and {found[1].name} could both be meant")
        raise MethodError(f"{self.folder} has no picture called {' or '.join(names)}")


def build_methods(
    texts: Sequence[str],
    device: str | None = None,
    num_samples: int = 1,
    steps: int | None = None,
    seed: int = 0,
    refine: bool = False,
) -> list[Method]:
    """The methods that texts tell (see the module), in their order.

    Args:
        texts: what to compare.
        device: where models work, None for a GPU if there is one.
        num_samples, steps, seed: of models that draw samples.
        refine: whether models refine large pictures.

    Raises:
        InputError: if one cannot be had, or two have the same name.
    """
    methods = []
    for text, label in zip([_named(text)[1] for text in texts], method_names(texts), strict=True):
        if text in BASELINES and label == text:
            BASELINES[text].check()
            methods.append(BaselineMethod(BASELINES[text]))
        elif _is_model(Path(text)):
            inpainter = Inpainter.from_pretrained(text, device)
            method = ModelMethod(label, label, inpainter.fused, num_samples, steps, seed, _file_digest(text), refine)
            method.texture = inpainter.texture
            methods.append(method)
        elif Path(text).is_dir():
            methods.append(ResultFolder(label, text))
        else:
            raise InputError(
                f"there is no method '{text}': choose any of {', '.join(BASELINES)}, a model's folder or file, "
                "or a folder of results"
            )
    return methods


def method_names(texts: Sequence[str]) -> list[str]:
    """What the methods that texts tell are called, one each.

    A run's folder names its model, the file inside being always called the same; twins get their whole path.

    Raises:
        InputError: if two have the same name.
    """
    named = [_named(text) for text in texts]
    paths = [Path(path) for _, path in named]
    short = [_short(path) for path in paths]
    names = [name or (s if short.count(s) == 1 else path) for (name, path), s in zip(named, short, strict=True)]
    twin = next((name for name in names if names.count(name) > 1), None)
    if twin is not None:
        raise InputError(f"two methods are called '{twin}': give one a name of its own, such as mine={twin}")
    return names


def check_fill(fill: Tensor, case: DatasetItem) -> None:
    """Raise `MethodError` unless the answers (K, 3, H, W) are numbers of the case's size."""
    if fill.shape[1:] != case.image.shape[1:]:
        raise MethodError(f"the answer has shape {tuple(fill.shape)}, not that of the picture")
    wrong = (~fill.isfinite()).sum().item()
    if wrong:
        raise MethodError(f"{wrong} values of the answer are not numbers (NaN or infinite)")


def to_eight_bits(fill: Tensor) -> Tensor:
    """The picture that a file of 8 bits would hold: clamped to [0, 1] and rounded to 1/255."""
    return (fill.clamp(0, 1) * 255).round() / 255


def _named(text: str) -> tuple[str | None, str]:
    """`name=path`, or the path alone."""
    name, equals, path = text.partition("=")
    return (name, path) if equals and name and not Path(text).exists() else (None, text)


def _short(path: Path) -> str:
    if path.name == PIPELINE_FILE:
        return path.parent.name
    return (path.stem if path.suffix == ".safetensors" else path.name) or str(path)


def _is_model(path: Path) -> bool:
    return (
        path.suffix == ".safetensors"
        or (path / PIPELINE_FILE).is_file()
        or (str(path) in PRETRAINED and not path.exists())
    )


def _file_digest(text: str) -> str:
    return hashlib.sha256(pipeline_file(text).read_bytes()).hexdigest()


def describe(method: Method) -> dict[str, Any]:
    """What a report says of a method besides its figures."""
    said: dict[str, Any] = {"label": method.label, "kind": type(method).__name__}
    if isinstance(method, ModelMethod):
        said |= {"refiner": type(method.pipeline.refiner).__name__, "sha256": method.fingerprint}
        if method.refine:
            said |= {"refine": True}
        if method.pipeline.refiner.stochastic:
            said |= {"num_samples": method.num_samples, "steps": method.steps, "seed": method.seed}
    return said
