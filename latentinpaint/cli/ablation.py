"""`ablation`: train variants on the same steps, seeds, pictures and autoencoder, and compare them."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentinpaint.cli.comparison import check_at_least_one, compare
from latentinpaint.errors import InputError
from latentinpaint.experiments.queue import Run, TrainingQueue
from latentinpaint.files import write_beside

if TYPE_CHECKING:
    from latentinpaint.training.tasks.latent_task import LatentTask

AUTOENCODER = "autoencoder"
TIMED_BATCH = 8
EXPLANATION = (
    "Means over seeds {seeds} and {count} pictures; in brackets 95 % intervals over pictures, each averaged over its "
    "seeds. They do not tell how much another seed would change: for that see every seed's own figures. step: ratio "
    "of a training step's time to the first variant's. Differences are taken picture by picture.\n\n"
)


@dataclass(kw_only=True)
class Options:
    """Train the variants of an ablation and write their table beside the published one.

    Every configuration of a folder is trained with the same steps, seeds, photographs and autoencoder (trained first,
    unless one is given); all are judged on the same crops and holes of other photographs, and their steps are timed
    side by side. Leaves ablation.md, ablation.json and report/ in the output folder. Stopped, the same command goes
    on where it was; a run that is there is not trained again.

    Args:
        root: folder of photographs to train on.
        val_root: folder of photographs to judge on.
        output: folder of everything.
        configs: folder of the variants' configurations; autoencoder.yaml in it is the autoencoder's.
        only: names of the variants to train, separated by commas; '' for all.
        seeds: of crops, holes, weights and noise, separated by commas; every variant is trained with each.
        steps: training steps, by default the configuration's own.
        autoencoder: file or folder of a pretrained autoencoder.
        autoencoder_steps: steps of its training, by default the configuration's own.
        size: side of the crops that are trained and judged on, pixels.
        mask_preset: of the holes that are judged: thin, medium or thick.
        limit: judge only so many photographs.
        precision: of training, such as bf16-mixed or 32-true; by default the fastest on this machine.
        num_workers: processes a run that read and crop.
        time_rounds: timed steps of each variant; 0 times none.
        lpips_weights: torchvision's SqueezeNet file, by default the one in torch's cache.
        inception_weights: torch-fidelity's Inception file, by default the one in torch's cache.
        jobs: runs trained at a time; by default one a core, or 1 with a GPU.
    """

    root: str
    val_root: str
    output: str
    configs: str = "configs/ablation"
    only: str = ""
    seeds: str = "0,1"
    steps: int | None = None
    autoencoder: str | None = None
    autoencoder_steps: int | None = None
    size: int = 128
    mask_preset: str = "thick"
    limit: int | None = None
    precision: str | None = None
    num_workers: int = 0
    time_rounds: int = 15
    lpips_weights: str | None = None
    inception_weights: str | None = None
    jobs: int | None = None


def run(options: Options) -> None:
    """Train what is not trained yet, and leave the table."""
    from latentinpaint.data.masks import mask_preset as check_preset
    from latentinpaint.evaluation.benchmark_config import split_names
    from latentinpaint.training.precision import fastest_precision
    from latentinpaint.weights import load_autoencoder

    files = _configurations(Path(options.configs), split_names(options.only))
    seeds = _seeds(split_names(options.seeds))
    check_at_least_one(
        steps=options.steps,
        autoencoder_steps=options.autoencoder_steps,
        limit=options.limit,
        jobs=options.jobs,
    )
    if options.time_rounds < 0:
        raise InputError("--time-rounds is not below 0")
    check_preset(options.mask_preset)
    folder, root, size = Path(options.output), options.root, options.size
    precision = options.precision or fastest_precision()
    common = {"root": root, "val_root": options.val_root, "size": size, "precision": precision}
    _remember(folder, {**common, **_texts(files)})
    queue = TrainingQueue(folder, **common, num_workers=options.num_workers, jobs=options.jobs or _at_a_time())
    autoencoder = options.autoencoder or _autoencoder(options, queue)
    _remember(folder, {AUTOENCODER: load_autoencoder(autoencoder).fingerprint()})
    runs = [
        Run(name, file, seed, folder / "runs" / name / f"seed{seed}", options.steps or _steps_in(file))
        for seed in seeds
        for name, file in files.items()
    ]
    queue.train(runs, autoencoder)
    pictures, masks = _held_back(options)
    seconds = _time(files, autoencoder, options, precision)
    _table(options, files, seeds, pictures, masks, seconds)


def _autoencoder(options: Options, queue: TrainingQueue) -> str:
    """Train the autoencoder that all variants share; answers its folder."""
    config, folder = Path(options.configs) / f"{AUTOENCODER}.yaml", Path(options.output) / AUTOENCODER
    queue.train([Run(AUTOENCODER, config, 0, folder, options.autoencoder_steps or _steps_in(config))])
    return str(folder)


def _configurations(folder: Path, only: Sequence[str]) -> dict[str, Path]:
    found = {path.stem: path for path in sorted(folder.glob("*.yaml")) if path.stem != AUTOENCODER}
    if not found:
        raise InputError(f"{folder} holds no configuration of a variant: give --configs, such as configs/ablation")
    unknown = [name for name in only if name not in found]
    if unknown:
        raise InputError(f"there is no variant '{unknown[0]}' in {folder}: choose any of {', '.join(found)}")
    return {name: path for name, path in found.items() if not only or name in only}


def _seeds(texts: Sequence[str]) -> list[int]:
    if not texts or not all(text.isdecimal() for text in texts):
        raise InputError("--seeds are whole numbers from 0, separated by commas")
    return list(dict.fromkeys(int(text) for text in texts))


def _texts(files: Mapping[str, Path]) -> dict[str, str]:
    """The settings of each variant, but for how long and where to: a checksum."""
    import yaml

    found = {}
    for name, path in files.items():
        settings = yaml.safe_load(path.read_text())
        settings.pop("output", None)
        settings.get("trainer", {}).pop("max_steps", None)
        found[name] = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return found


def _remember(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write down what the runs of a folder have in common; refuse to mix them with others.

    Raises:
        InputError: if the folder was made with other settings.
    """
    path = folder / "settings.json"
    before = json.loads(path.read_text()) if path.is_file() else {}
    for key, value in settings.items():
        if before.get(key, value) != value:
            raise InputError(
                f"{folder} was made with another {key} ({before[key]}, not {value}): choose another --output"
            )
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(before | dict(settings), indent=1))


def _at_a_time() -> int:
    import torch

    return 1 if torch.cuda.is_available() else os.cpu_count() or 1


def _steps_in(config: Path) -> int:
    import yaml

    try:
        return int(yaml.safe_load(config.read_text())["trainer"]["max_steps"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{config} does not say how many steps to train: give trainer.max_steps") from error


def _held_back(options: Options) -> tuple[Path, Path]:
    """The crops that are judged and their masks, as files: of these photographs, this size and these holes alone."""
    from PIL import Image

    from latentinpaint.data.augmentation import centre_crop
    from latentinpaint.data.photos import PhotoFolder
    from latentinpaint.evaluation.mask_sets import write_masks

    preset, limit = options.mask_preset, options.limit
    photos, crop = PhotoFolder(options.val_root), centre_crop(options.size)
    place = Path(options.output) / (f"judged-{preset}" if limit is None else f"judged-{preset}-{limit}")
    wanted = []
    for index, name in enumerate(photos.names[:limit]):
        path = place / "pictures" / Path(name).with_suffix(".png")
        try:
            pixels = crop(photos.read(index), 0)
        except InputError as error:
            print(f"note: left out: {error}", file=sys.stderr)
            continue
        with write_beside(path) as temporary:
            Image.fromarray(pixels).save(temporary)
        wanted.append((path.relative_to(place / "pictures").as_posix(), path))
    write_masks(wanted, place / "masks", preset, seed=0, per_image=1, about={})
    return place / "pictures", place / "masks"


def _time(files: Mapping[str, Path], autoencoder: str, options: Options, precision: str) -> dict[str, float]:
    """Median seconds of a training step of every variant, side by side, on the device that trains."""
    import torch

    from latentinpaint.data.datamodule import InpaintingDataModule
    from latentinpaint.experiments.timing import median_seconds, step_of

    root, size, rounds = options.root, options.size, options.time_rounds
    if rounds == 0:
        return {}
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = InpaintingDataModule(root, size=size, batch_size=TIMED_BATCH, num_workers=0)
    data.setup("fit")
    batch = {name: value.to(device) for name, value in next(iter(data.train_dataloader())).items()}
    tasks = {name: _task(file, autoencoder, root).to(device) for name, file in files.items()}
    print(f"timing {rounds} steps of each variant in turns, {precision}, {TIMED_BATCH} crops of {size}², on {device}")
    return median_seconds({name: step_of(task, batch, precision) for name, task in tasks.items()}, rounds)


def _task(config: Path, autoencoder: str, root: str) -> "LatentTask":
    from latentinpaint.training.cli import TrainingCLI, expand_short_forms
    from latentinpaint.training.tasks.latent_task import LatentTask

    arguments = ["--config", str(config), "--autoencoder", autoencoder, "--data.root", root]
    return TrainingCLI.build(LatentTask, expand_short_forms(arguments), "unused").model


def _table(
    options: Options,
    files: Mapping[str, Path],
    seeds: Sequence[int],
    pictures: Path,
    masks: Path,
    seconds: Mapping[str, float],
) -> None:
    from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
    from latentinpaint.experiments.ablation_table import as_json, markdown, variants_of

    folder = Path(options.output)
    runs = {name: [f"{name}, seed {seed}" for seed in seeds] for name in files}
    models = [
        f"{title}={folder / 'runs' / name / f'seed{seed}'}"
        for name, titles in runs.items()
        for seed, title in zip(seeds, titles, strict=True)
    ]
    plan = BenchmarkConfig(
        images=str(pictures),
        methods=("telea", *models),
        masks=str(masks),
        lpips_weights=options.lpips_weights,
        inception_weights=options.inception_weights,
    )
    reference = next((titles[0] for name, titles in runs.items() if name.startswith("1_")), None)
    summary = compare(plan, str(folder / "report"), reference=reference)
    variants = variants_of(summary, runs, seconds)
    perceptual = "lpips_squeeze" if "lpips_squeeze" in summary.labels else None
    with write_beside(folder / "ablation.json") as temporary:
        temporary.write_text(json.dumps(as_json(variants), indent=1))
    count = len(summary.cases)
    table = EXPLANATION.format(count=count, seeds=", ".join(map(str, seeds))) + markdown(variants, perceptual)
    with write_beside(folder / "ablation.md") as temporary:
        temporary.write_text(table, encoding="utf-8")
    print(table)
    print(f"the table is {folder / 'ablation.md'}")
