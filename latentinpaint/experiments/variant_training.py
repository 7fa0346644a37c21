"""Variants trained on the same steps, seeds, pictures and autoencoder, evaluated on the same crops and holes.

An ablation lives in one folder, and running it again resumes where it was::

    settings.json              what all its runs have in common; runs with other settings are refused
    autoencoder/               the autoencoder, if it was trained here
    runs/<variant>/seed<n>/    a run's folder, see `training.cli`
    logs/                      what the runs printed
    judged-<preset>/           the crops that are evaluated and their masks
    report/                    the comparison of all runs
    ablation.md, ablation.html the table, the latter as the page of a benchmark looks; ablation.json has its figures
    tables/                    its parts as LaTeX and CSV
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from PIL import Image

from latentinpaint.data.augmentation import centre_crop
from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.data.photos import PhotoFolder
from latentinpaint.errors import InputError, count_of, listed
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.mask_sets import write_masks
from latentinpaint.evaluation.report.html import tables_page
from latentinpaint.evaluation.report.table_files import write_tables
from latentinpaint.evaluation.summary import Summary
from latentinpaint.experiments.ablation_table import ablation_tables, as_json, markdown, variants_of
from latentinpaint.experiments.queue import SharedSettings, TrainingQueue, TrainingRun
from latentinpaint.experiments.timing import latent_step, median_seconds
from latentinpaint.files import write_text
from latentinpaint.images.image_files import write_image
from latentinpaint.training.cli import task_from_config
from latentinpaint.weights import load_autoencoder

AUTOENCODER = "autoencoder"
TIMED_BATCH_SIZE = 8
EXPLANATION = (
    "Means over {seeds} ({numbers}) and {pictures}; in brackets 95 % intervals over pictures, each averaged over its "
    "seeds. They do not tell how much another seed would change: for that see every seed's own figures. step: ratio "
    "of a training step's time to the first variant's. Differences are taken picture by picture."
)
# Runs a benchmark: its configuration, its methods and the reference method.
Compare = Callable[[BenchmarkConfig, Sequence[str], str | None], Summary]


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """An ablation: its variants, and what they are trained and evaluated with.

    Attributes:
        folder: of everything it leaves.
        variants: configurations by name, see `find_variants`.
        seeds: every variant is trained with each.
        settings: of all runs.
        steps: training steps; None takes each configuration's own.
        mask_preset: of the holes that are evaluated.
        limit: evaluate only so many photographs.
        time_rounds: timed steps of each variant; 0 times none.
        lpips_weights, inception_weights: see `BenchmarkConfig`.
    """

    folder: Path
    variants: Mapping[str, Path]
    seeds: Sequence[int]
    settings: SharedSettings
    steps: int | None = None
    mask_preset: str = "thick"
    limit: int | None = None
    time_rounds: int = 15
    lpips_weights: str | None = None
    inception_weights: str | None = None

    def record_settings(self) -> None:
        """Write down what all runs have in common; refuse a folder that was made with other settings."""
        common: dict[str, Any] = asdict(self.settings)
        del common["num_workers"]  # of no consequence for the result
        for name, path in self.variants.items():
            common[name] = _digest_of_settings(path)
        self._check_same(common)

    def train(self, queue: TrainingQueue, autoencoder: str) -> None:
        """Train what is not trained yet on an autoencoder, a file or folder."""
        self._check_same({AUTOENCODER: load_autoencoder(autoencoder).fingerprint()})
        runs = []
        for seed in self.seeds:
            for name, config in self.variants.items():
                steps = self.steps or steps_in(config)
                runs.append(TrainingRun(name, config, seed, self.run_folder(name, seed), steps))
        queue.train(runs, autoencoder)

    def evaluate(self, compare: Compare, autoencoder: str) -> str:
        """Time the variants' steps, compare all runs and write the table; returns it as Markdown."""
        pictures, masks = self.write_held_out()
        seconds = self.step_seconds(autoencoder)
        titles = {}
        for name in self.variants:
            titles[name] = self._titles(name)
        references = [name for name in self.variants if name.startswith("1_")]
        reference = titles[references[0]][0] if references else None
        summary = compare(self.benchmark(pictures, masks), self.methods(titles), reference)
        variants = variants_of(summary, titles, seconds)
        write_text(self.folder / "ablation.json", json.dumps(as_json(variants), indent=1))
        perceptual = "lpips_squeeze" if "lpips_squeeze" in summary.labels else None
        counted = count_of(len(summary.items), "picture")
        explanation = EXPLANATION.format(
            pictures=counted,
            seeds=count_of(len(self.seeds), "seed"),
            numbers=listed(self.seeds),
        )
        tables = ablation_tables(variants, perceptual)
        table = f"{explanation}\n\n{markdown(tables)}"
        write_text(self.folder / "ablation.md", table)
        about = f"{explanation} A difference is bold where its interval does not touch zero."
        write_text(self.folder / "ablation.html", tables_page("Ablation", about, tables))
        write_tables(self.folder / "tables", tables)
        return table

    def run_folder(self, name: str, seed: int) -> Path:
        """The folder of a variant's run."""
        return self.folder / "runs" / name / f"seed{seed}"

    def benchmark(self, pictures: Path, masks: Path) -> BenchmarkConfig:
        """The settings of the comparison of all runs."""
        return BenchmarkConfig(
            images=str(pictures),
            output=str(self.folder / "report"),
            masks=str(masks),
            lpips_weights=self.lpips_weights,
            inception_weights=self.inception_weights,
        )

    def methods(self, titles: Mapping[str, Sequence[str]]) -> list[str]:
        """A method that needs no training, and beside it all runs, each under its title."""
        methods = ["telea"]
        for name, titles_of_seeds in titles.items():
            for seed, title in zip(self.seeds, titles_of_seeds, strict=True):
                methods.append(f"{title}={self.run_folder(name, seed)}")
        return methods

    def write_held_out(self) -> tuple[Path, Path]:
        """Write the crops that are evaluated and their masks; returns the two folders.

        They depend on the photographs, the size and the mask preset alone.
        """
        folder = self.folder / f"judged-{self.mask_preset}"
        if self.limit is not None:
            folder = self.folder / f"{folder.name}-{self.limit}"
        photos = PhotoFolder(self.settings.val_root)
        crop = centre_crop(self.settings.size)
        written = []
        for index, name in enumerate(photos.names[: self.limit]):
            try:
                pixels = crop(photos.read(index), 0)
            except InputError as error:
                print(f"note: left out: {error}", file=sys.stderr)
                continue
            relative = Path(name).with_suffix(".png")
            path = folder / "pictures" / relative
            write_image(Image.fromarray(pixels), path)
            written.append((relative.as_posix(), path))
        write_masks(written, folder / "masks", self.mask_preset, seed=0, per_image=1, about={})
        return folder / "pictures", folder / "masks"

    def step_seconds(self, autoencoder: str) -> dict[str, float]:
        """Median seconds of a training step of every variant, side by side, on the device that trains."""
        if self.time_rounds == 0:
            return {}
        settings = self.settings
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        data = InpaintingDataModule(settings.root, size=settings.size, batch_size=TIMED_BATCH_SIZE, num_workers=0)
        data.setup("fit")
        crops = next(iter(data.train_dataloader()))
        batch = {name: value.to(device) for name, value in crops.items()}
        print(
            f"timing {self.time_rounds} steps of each variant in turns, {settings.precision}, "
            f"{TIMED_BATCH_SIZE} crops of {settings.size}², on {device}"
        )
        steps = {}
        for name, config in self.variants.items():
            task = task_from_config(config, autoencoder, settings.root).to(device)
            steps[name] = latent_step(task, batch, settings.precision)
        return median_seconds(steps, self.time_rounds)

    def _titles(self, name: str) -> list[str]:
        """What the runs of a variant are called in the report."""
        titles = []
        for seed in self.seeds:
            titles.append(f"{name}, seed {seed}")
        return titles

    def _check_same(self, settings: Mapping[str, Any]) -> None:
        """Add settings to those that the folder was made with.

        Raises:
            InputError: if it was made with others.
        """
        path = self.folder / "settings.json"
        before = {}
        if path.is_file():
            before = json.loads(path.read_text())
        for key, value in settings.items():
            if before.get(key, value) != value:
                raise InputError(
                    f"{self.folder} was made with another {key} ({before[key]}, not {value}): "
                    "choose another output folder"
                )
        write_text(path, json.dumps(before | dict(settings), indent=1))


def find_variants(folder: Path, only: Sequence[str]) -> dict[str, Path]:
    """The configurations of a folder by name, but for the autoencoder's.

    Args:
        folder: of YAML files.
        only: names of those that are wanted; empty for all.

    Raises:
        InputError: if there is none, or one of `only` is missing.
    """
    found = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    found.pop(AUTOENCODER, None)
    if not found:
        raise InputError(f"{folder} holds no configuration of a variant: give one that does, or the recipes ablation")
    for name in only:
        if name not in found:
            raise InputError(f"there is no variant '{name}' in {folder}: choose any of {', '.join(found)}")
    if not only:
        return found
    return {name: path for name, path in found.items() if name in only}


def train_autoencoder(queue: TrainingQueue, config: Path, folder: Path, steps: int | None = None) -> str:
    """Train the autoencoder that all variants share, unless it is there; returns its folder.

    Args:
        queue: what trains it.
        config: its configuration.
        folder: where to.
        steps: None takes the configuration's.
    """
    queue.train([TrainingRun(AUTOENCODER, config, 0, folder, steps or steps_in(config))])
    return str(folder)


def runs_at_a_time() -> int:
    """How many runs to train at a time: one a core, or one with a GPU."""
    if torch.cuda.is_available():
        return 1
    return os.cpu_count() or 1


def steps_in(config: Path) -> int:
    """The number of steps that a configuration trains.

    Raises:
        InputError: if it does not say.
    """
    try:
        return int(yaml.safe_load(config.read_text())["trainer"]["max_steps"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{config} does not say how many steps to train: give trainer.max_steps") from error


def _digest_of_settings(config: Path) -> str:
    """A checksum of a configuration but for how long it trains and where to."""
    settings = yaml.safe_load(config.read_text())
    settings.pop("output", None)
    settings.get("trainer", {}).pop("max_steps", None)
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
