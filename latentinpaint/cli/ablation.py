"""`ablation`: train variants on the same steps, seeds, pictures and autoencoder, and compare them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latentinpaint.cli.comparison import run_comparison
from latentinpaint.cli.terminal import progress_bar
from latentinpaint.errors import InputError, check_at_least, check_counts


@dataclass(kw_only=True)
class Options:
    """Train the variants of an ablation and write their table beside the published one.

    Every configuration of a folder is trained with the same steps, seeds, photographs and autoencoder (trained first,
    unless there is one); all are evaluated on the same crops and holes of other photographs, and their steps are
    timed side by side. Leaves ablation.html, ablation.md, ablation.json, tables/ and report/, the page of
    benchmark, in the output folder. Stopped, the same command resumes where it was; a run that is
    there is not trained again.

    Args:
        root: folder of photographs to train on.
        val_root: folder of photographs to evaluate on.
        output: folder of everything.
        configs: the recipes ablation, or a folder of the variants' configurations; autoencoder.yaml in it is the
            autoencoder's.
        only: names of the variants to train, separated by commas; '' for all.
        seeds: of crops, holes, weights and noise, separated by commas; every variant is trained with each.
        steps: training steps, by default the configuration's own.
        autoencoder: file or folder of a pretrained autoencoder.
        autoencoder_steps: steps of its training, by default the configuration's own.
        size: side of the crops that are trained and evaluated on, pixels.
        mask_preset: of the holes that are evaluated: thin, medium or thick.
        limit: evaluate only so many photographs.
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
    configs: str = "ablation"
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
    from latentinpaint.experiments import variant_training
    from latentinpaint.experiments.queue import SharedSettings, TrainingQueue
    from latentinpaint.training.precision import fastest_precision
    from latentinpaint.training.recipe_files import configuration_folder

    configs = configuration_folder(options.configs)
    folder = Path(options.output)
    variants = variant_training.find_variants(configs, split_names(options.only))
    seeds = _seeds(split_names(options.seeds))
    check_counts(
        {
            "--steps": options.steps,
            "--autoencoder-steps": options.autoencoder_steps,
            "--limit": options.limit,
            "--jobs": options.jobs,
        }
    )
    check_at_least("--time-rounds", options.time_rounds, 0)
    check_preset(options.mask_preset)
    settings = SharedSettings(
        root=options.root,
        val_root=options.val_root,
        size=options.size,
        precision=options.precision or fastest_precision(),
        num_workers=options.num_workers,
    )
    work = variant_training.Ablation(
        folder=folder,
        variants=variants,
        seeds=seeds,
        settings=settings,
        steps=options.steps,
        mask_preset=options.mask_preset,
        limit=options.limit,
        time_rounds=options.time_rounds,
        lpips_weights=options.lpips_weights,
        inception_weights=options.inception_weights,
    )
    work.record_settings()
    queue = TrainingQueue(folder, settings, options.jobs or variant_training.runs_at_a_time(), progress_bar)
    autoencoder = options.autoencoder
    if not autoencoder:
        config = configs / f"{variant_training.AUTOENCODER}.yaml"
        target = folder / variant_training.AUTOENCODER
        autoencoder = variant_training.train_autoencoder(queue, config, target, options.autoencoder_steps)
    work.train(queue, autoencoder)
    table = work.evaluate(run_comparison, autoencoder)
    print(table)
    print(f"the table is {folder / 'ablation.html'}, the comparison of all runs {folder / 'report' / 'report.html'}")


def _seeds(texts: Sequence[str]) -> list[int]:
    if not texts or not all(text.isdecimal() for text in texts):
        raise InputError("--seeds are whole numbers from 0, separated by commas")
    return list(dict.fromkeys(int(text) for text in texts))
