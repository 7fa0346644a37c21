"""A comparison of restorations as a job, by the benchmark's runner: resumable, in several processes.

Masks and noise of a picture depend on the seed and the picture's name alone, so that every method sees the same.
Restored pictures are evaluated whole, and within what a mask hides; where nothing is hidden, that is all of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentinpaint.data.augmentation import centre_crop
from latentinpaint.data.distributions import Pictures, open_collection
from latentinpaint.errors import InputError, check_at_least, count_of, whole_number
from latentinpaint.evaluation.benchmark_config import EvaluationConfig
from latentinpaint.evaluation.chosen_metrics import build_evaluator
from latentinpaint.evaluation.dataset import DatasetItem, EvaluationDataset, ItemSource, named_pictures
from latentinpaint.evaluation.evaluator import Evaluator
from latentinpaint.evaluation.methods import Method
from latentinpaint.evaluation.report.page_words import PageWords
from latentinpaint.evaluation.runner import Runner
from latentinpaint.files import sha256_of
from latentinpaint.images.folders import check_outside
from latentinpaint.images.image_files import read_picture
from latentinpaint.images.modes import LUMINANCE
from latentinpaint.pretrained.model_paths import flow_file
from latentinpaint.restoration.base import Restorer
from latentinpaint.restoration.observation_models import ObservationModel, observe
from latentinpaint.restoration.observation_tasks import ObservationTask, read_task, unseen
from latentinpaint.restoration.restoration_config import RestorationConfig
from latentinpaint.restoration.restorer_texts import read_restorer, restorer_label, restorer_names
from latentinpaint.restoration.unclamped_metrics import UnclampedPSNR, UnclampedSSIM
from latentinpaint.restoration.velocity_prior import VelocityPrior, prior_of
from latentinpaint.runtime.device import choose_device
from latentinpaint.runtime.randomness import numbered_generator, seed_for
from latentinpaint.weights import load_flow

RESTORED_PICTURES = PageWords(
    "picture",
    "{items} restored",
    "How well {items_were} restored",
    "Seen: {holes}. Every method saw the same pictures with the same masks and noise; what it made is evaluated as "
    "it is, known pixels included: as 8-bit files, and unclamped where a metric says so. 'In the hole' is what a "
    "mask hides, or all of the picture where nothing is hidden.",
)


# From an item's source to its picture (1, 1 or 3, H, W) in [0, 1].
PictureOf = Callable[[ItemSource], Tensor]


@dataclass(frozen=True, eq=False)
class LoadedPrior:
    """A prior with a checksum of its file."""

    prior: VelocityPrior
    fingerprint: str


@dataclass
class RestorationMethod(Method):
    """A method of restoration on one task.

    name, label: see `Method`. restorer: with its hyper-parameters. loaded: its prior. config: what is seen.
    """

    name: str
    label: str
    restorer: Restorer
    loaded: LoadedPrior
    config: RestorationConfig

    def __post_init__(self) -> None:
        self.task = read_task(self.config.task)
        self.device = self.loaded.prior.device
        self.network = self.loaded.prior.network

    def fill(self, item: DatasetItem, num_samples: int = 1) -> Tensor:
        prior = self.loaded.prior
        seed = self.config.seed
        picture = 2 * item.image[:, : prior.shape[0]] - 1
        model = model_of(self.task, prior.shape, seed, item.name)
        noise = numbered_generator(seed_for(seed, "noise"), item.name)
        seen = observe(model, picture, self.config.noise, [noise])
        seen = replace(seen, y=seen.y.to(prior.device))
        own = numbered_generator(seed_for(seed, "method"), item.name)
        restored = self.restorer(prior, seen, [own]).detach().cpu()
        return ((restored + 1) / 2).expand(-1, 3, -1, -1)

    def identity(self, item: DatasetItem) -> str:
        settings = sorted(self.restorer.settings().items())
        config = self.config
        how = f"{config.task} {config.noise} {config.seed} {self.device.type}"
        return f"{type(self.restorer).__name__} {settings} {self.loaded.fingerprint} {how}"


class RestorationRunner(Runner):
    """A comparison on the pictures that are not for validation.

    Args:
        config: its settings.
        methods: texts of `restorer_texts`.
        more: what its report lists besides.

    Raises:
        InputError: if a setting cannot be used.
    """

    config: RestorationConfig
    words = RESTORED_PICTURES
    settings_type: type[EvaluationConfig] = RestorationConfig

    def __init__(self, config: RestorationConfig, methods: Sequence[str], more: dict[str, Any] | None = None) -> None:
        check_at_least("noise", config.noise, 0)
        whole_number("validation", config.validation, 0)
        for text in methods:
            read_restorer(text)
        self.more = more or {}
        self.task = read_task(config.task)
        self.loaded = load_prior(config.prior, config.device)
        super().__init__(config, methods)

    @cached_property
    def hadamard(self) -> LoadedPrior:
        """The Hadamard flow of the method of that name."""
        if self.config.hadamard is None:
            return self.loaded
        loaded = load_prior(self.config.hadamard, self.config.device)
        if loaded.prior.shape != self.loaded.prior.shape:
            raise InputError(
                f"the Hadamard flow is of pictures {loaded.prior.shape}, the prior of {self.loaded.prior.shape}: "
                "they have to be equal"
            )
        return loaded

    def open_dataset(self) -> EvaluationDataset:
        found = pictures_of(self.config, self.loaded.prior.shape, self.task)
        chosen = self.split(found.sources)
        if not chosen:
            pictures = count_of(len(found), "picture", "is/are")
            raise InputError(
                f"{pictures} there, of which {self.config.validation} are for validation: give more, "
                "or a smaller validation"
            )
        return replace(found, sources=chosen)

    def split(self, sources: Sequence[ItemSource]) -> Sequence[ItemSource]:
        """The pictures that are evaluated."""
        return sources[self.config.validation :][: self.config.limit]

    def open_methods(self) -> list[Method]:
        shape = self.loaded.prior.shape
        model = model_of(self.task, shape, self.config.seed, "")
        methods: list[Method] = []
        for text, name in zip(self.method_texts, restorer_names(self.method_texts), strict=True):
            restorer = read_restorer(text)
            loaded = self.loaded
            if restorer.of_hadamard:
                loaded = self.hadamard
            restorer.check(loaded.prior, model, shape)
            methods.append(RestorationMethod(name, restorer_label(text), restorer, loaded, self.config))
        return methods

    def open_evaluator(self) -> tuple[Evaluator, list[str]]:
        evaluator, notes = build_evaluator(self.config)
        return replace(evaluator, metrics=[*evaluator.metrics, UnclampedPSNR(), UnclampedSSIM()]), notes

    def more_settings(self) -> dict[str, Any]:
        return self.more


class ValidationRunner(RestorationRunner):
    """A comparison on the pictures for validation."""

    def split(self, sources: Sequence[ItemSource]) -> Sequence[ItemSource]:
        return sources[: self.config.validation]


def load_prior(path: str, device: str | None) -> LoadedPrior:
    """A trained flow as a prior, its weights fixed.

    Raises:
        InputError: if there is no flow, or it is no prior.
    """
    flow = load_flow(path).to(choose_device(device)).eval().requires_grad_(False)
    return LoadedPrior(prior_of(flow), sha256_of(flow_file(path)))


def model_of(task: ObservationTask, shape: Sequence[int], seed: int, name: str) -> ObservationModel:
    """What is seen of the picture of a name."""
    return task.model(shape, [numbered_generator(seed_for(seed, "mask"), name)])


def pictures_of(config: RestorationConfig, shape: Sequence[int], task: ObservationTask) -> EvaluationDataset:
    """The pictures of a folder, a sheet or a data set of torchvision, at the prior's size.

    Raises:
        InputError: if there are none.
    """
    channels, size, _ = shape
    if Path(config.images).is_dir():
        check_outside(config.output, config.images, "restored pictures")
        sources, picture_of, notes = _of_folder(config.images, channels, size)
    else:
        sources, picture_of = _of_collection(config.images, channels, size)
        notes = []

    def read(source: ItemSource) -> DatasetItem:
        hole = unseen(model_of(task, shape, config.seed, source.name), shape)
        picture = picture_of(source).expand(-1, 3, -1, -1).contiguous()
        return DatasetItem(source.name, picture, hole, source.picture)

    seen = f"{config.task}, noise {config.noise:g}, seed {config.seed}"
    return EvaluationDataset(sources, read, seen, notes)


def _of_folder(images: str, channels: int, size: int) -> tuple[list[ItemSource], PictureOf, list[str]]:
    """The middle squares of a folder's pictures, and notes on what is left out."""
    named, notes = named_pictures(images)
    crop = centre_crop(size)

    def picture_of(source: ItemSource) -> Tensor:
        pixels = crop(read_picture(source.image).visible_rgb(), 0)
        if channels == 1:
            pixels = (pixels @ LUMINANCE.astype(pixels.dtype))[..., None]
        return torch.from_numpy(pixels).permute(2, 0, 1)[None]

    return [ItemSource(name, path, None, name, ()) for name, path in named], picture_of, notes


def _of_collection(images: str, channels: int, size: int) -> tuple[list[ItemSource], PictureOf]:
    """The pictures of a sheet or a data set, named by their numbers."""
    collection = open_collection(images, size, channels, train=False)
    if not isinstance(collection, Pictures):
        raise InputError(f"{images} holds no pictures: give a folder, a sheet or a data set of torchvision")
    values = collection.values

    def picture_of(source: ItemSource) -> Tensor:
        return values[int(source.name)][None].float() / 255

    names = [f"{number:06d}" for number in range(len(values))]
    return [ItemSource(name, Path(images), None, name, ()) for name in names], picture_of
