"""What is to be compared, and by what: plain values that can be sent to another process."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import EvaluationDataset, dataset_from_folders, dataset_from_preset
from latentinpaint.evaluation.evaluator import Evaluator
from latentinpaint.evaluation.methods import Method, build_methods
from latentinpaint.metrics.features import FeatureNetwork, Inception, SqueezeNet
from latentinpaint.metrics.perceptual import LPIPS_BACKBONES, load_lpips
from latentinpaint.metrics.pixels import METRICS, Metric
from latentinpaint.metrics.weight_files import INCEPTION, SQUEEZENET

FEATURES = {"inception": (Inception, INCEPTION), "squeeze": (SqueezeNet, SQUEEZENET)}


@dataclass(frozen=True)
class BenchmarkConfig:
    """Everything a process needs to know; made of plain values, so that it can be sent to one.

    Args:
        images: folder of undamaged pictures.
        methods: texts, see `methods`.
        masks: folder of masks, or None for the preset.
        mask_preset, seed: of the holes; the seed is the samples', too.
        limit: only so many cases, the first by name.
        size: of every picture its middle square, scaled to so many pixels; None takes it whole.
        num_samples, steps: of models that draw samples.
        refine: whether models refine large pictures, see `latentinpaint.inference.feature_refinement`.
        lpips: keys of `LPIPS_BACKBONES`.
        features: keys of `FEATURES`.
        lpips_weights, inception_weights: files, None for torch's cache. The first serves the first of `lpips`.
        device: where models work, None for a GPU if there is one.
    """

    images: str
    methods: tuple[str, ...]
    masks: str | None = None
    mask_preset: str = "thick"
    seed: int = 0
    limit: int | None = None
    size: int | None = None
    num_samples: int = 1
    steps: int | None = None
    refine: bool = False
    lpips: tuple[str, ...] = ("squeeze",)
    features: tuple[str, ...] = ("squeeze", "inception")
    lpips_weights: str | None = None
    inception_weights: str | None = None
    device: str | None = None

    def cases(self) -> EvaluationDataset:
        """The cases, in order of their names.

        Raises:
            InputError: if there are none, or masks of whole pictures for squares of them.
        """
        if self.masks is not None:
            if self.size is not None:
                raise InputError("masks are of whole pictures: leave --size or --masks out")
            return dataset_from_folders(self.images, self.masks, self.limit)
        return dataset_from_preset(self.images, self.mask_preset, self.seed, self.limit, self.size)

    def build_methods(self) -> list[Method]:
        """The methods, in order."""
        return build_methods(self.methods, self.device, self.num_samples, self.steps, self.seed, self.refine)

    def judge(self) -> tuple[Evaluator, list[str]]:
        """Metrics and networks whose weights are here, and a note for each whose are not.

        Raises:
            InputError: if a name is unknown, or a file that was given cannot be used.
        """
        notes: list[str] = []
        metrics: list[Metric] = list(METRICS.values())
        weights: dict[str, str] = {}
        for number, name in enumerate(self.lpips):
            given = self.lpips_weights if number == 0 else None
            if name not in LPIPS_BACKBONES:
                raise InputError(f"LPIPS network {name!r} is unknown; choose one of {', '.join(LPIPS_BACKBONES)}.")
            with _left_out(f"LPIPS({name})", given is not None, notes):
                metric = load_lpips(name, given)
                metrics.append(metric)
                weights[metric.label] = _digest(LPIPS_BACKBONES[name].weights.find(metric.label, given))
        networks: list[FeatureNetwork] = []
        for name in self.features:
            if name not in FEATURES:
                raise InputError(f"there are no features {name!r}: choose any of {', '.join(FEATURES)}")
            kind, file = FEATURES[name]
            given = self.inception_weights if name == "inception" else None
            if name == "squeeze" and self.lpips[:1] == ("squeeze",):
                given = self.lpips_weights
            with _left_out(kind.distance, given is not None, notes):
                networks.append(kind(given))
                weights[kind.distance] = _digest(file.find(kind.distance, given))
        return Evaluator(metrics, networks, weights), notes

    def fetch(self) -> None:
        """Download the weights that are missing, telling what and where to."""
        given = {self.lpips[0]} if self.lpips and self.lpips_weights else set()
        given |= {"inception"} if self.inception_weights else set()
        files = [LPIPS_BACKBONES[n].weights for n in self.lpips if n in LPIPS_BACKBONES and n not in given]
        files += [FEATURES[n][1] for n in self.features if n in FEATURES and n not in given]
        for file in dict.fromkeys(files):
            if not file.place.is_file():
                print(f"fetching {file.url} to {file.place}", file=sys.stderr)
                file.fetch()


def split_names(texts: str | Sequence[str] | None) -> tuple[str, ...]:
    """Several names: a list, or a text with commas."""
    listed = texts.split(",") if isinstance(texts, str) else texts or ()
    return tuple(dict.fromkeys(text.strip() for text in listed if text.strip()))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _left_out(what: str, given: bool, notes: list[str]) -> Iterator[None]:
    """A missing file leaves its metric out and notes it, unless a person gave that file."""
    try:
        yield
    except InputError as error:
        if given:
            raise
        notes.append(f"{what} is left out: {error}")
