"""The command lines of the training tools, on LightningCLI.

A run lives in one folder, `--output`::

    checkpoints/last.ckpt     Lightning's checkpoint, `--ckpt_path last` resumes from it
    checkpoints/best.ckpt     that of the best validation, likewise with `--ckpt_path best`
    tensorboard/              losses and picture grids
    config.yaml               every setting of the run
    *.safetensors             the trained model, once training has ended
    plots/, models/           of a flow: a sheet after every validation, and its weights with --keep_models true

An option of the command line wins over every configuration, wherever it stands (`option_order`). `--refiner` and
`--autoencoder` are short forms of `--model.refiner` and `--model.autoencoder` (`aliases`).
"""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import yaml
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.data.distributions import NORMAL
from latentinpaint.data.flow_datamodule import FlowDataModule
from latentinpaint.errors import InputError, check_above_zero
from latentinpaint.files import expand_home_in, write_text
from latentinpaint.images.image_files import write_image
from latentinpaint.training.aliases import check_refiner, expand_aliases, find_configurations
from latentinpaint.training.callbacks import FlowSnapshots, PictureGrid, RunProgress, WeightEMA
from latentinpaint.training.checkpoint_callbacks import BestCheckpoint, Checkpoints, SaveLast
from latentinpaint.training.checkpoint_io import WholeCheckpoints, checkpoint_to_resume
from latentinpaint.training.interrupts import StopTogether
from latentinpaint.training.mask_files import refuse_photographs_as_masks
from latentinpaint.training.nan_guard import Diverged, NanGuard
from latentinpaint.training.option_order import is_configuration, most_exact_last
from latentinpaint.training.run_messages import best_line, first_line, next_command, resuming_command
from latentinpaint.training.run_options import EVERY_RUN, OF_FLOWS, OF_REFINERS, TRAINER_DEFAULTS, run_folder
from latentinpaint.training.sharded_strategy import ShardedStrategy
from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.training.tasks.autoencoder_task import PretrainTask
from latentinpaint.training.tasks.base import TrainingTask
from latentinpaint.training.tasks.flow_task import FlowTask
from latentinpaint.training.tasks.latent_task import LatentTask, PipelineTask
from latentinpaint.training.trainer_settings import trainer_settings
from latentinpaint.visualization.flows import training_sheets

FAILED = 2  # the exit status of a command that ends with a sentence
STOPPED = 130  # that of a program that Ctrl-C has ended


@contextmanager
def _single_precision() -> Iterator[None]:
    """Tensors are float32 unless something says otherwise, whatever default the calling program has set."""
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(previous)


@_single_precision()
def pretrain_ae(arguments: Sequence[str], program: str | None = None) -> None:
    """Pretrain an autoencoder; `arguments` as on the command line, `program` is what --help calls it."""
    train(TrainingCLI.build(PretrainTask, arguments, "runs/pretrain_ae", program))


@_single_precision()
def train_latent(arguments: Sequence[str], program: str | None = None) -> None:
    """Train a refiner on a pretrained autoencoder; see `pretrain_ae`."""
    train(TrainingCLI.build(LatentTask, arguments, "runs/train_latent", program))


@_single_precision()
def train_lama(arguments: Sequence[str], program: str | None = None) -> None:
    """Train with LaMa's full losses; see `pretrain_ae`."""
    train(TrainingCLI.build(AdversarialTask, arguments, "runs/train_lama", program))


@_single_precision()
def train_flow(arguments: Sequence[str], program: str | None = None) -> None:
    """Train a flow; see `pretrain_ae`. What it has learnt is drawn at the end."""
    recipes = ("--model.flow", "-h", "--help")
    if not any(is_configuration(word) or word.startswith(recipes) for word in arguments):
        raise InputError("give a recipe, such as --config moons; `latentinpaint recipes` lists them")
    cli = TrainingCLI.build(FlowTask, arguments, "runs/train_flow", program)
    if not cli.model.flow.accepts_source and cli.datamodule.source != NORMAL:
        raise InputError(f"a {type(cli.model.flow).__name__} starts from noise: leave --data.source out")
    train(cli)


def train(cli: "TrainingCLI") -> Path:
    """Train what the command line built and leave the model in the output folder; returns its path."""
    folder = Path(cli.config.output)
    checkpoints = folder / "checkpoints"
    # What cannot be used is found out before anything is written: a checkpoint, a folder without pictures.
    cli.model.check_trainer(cli.trainer)
    resume = checkpoint_to_resume(cli.config.ckpt_path, checkpoints, cli.model)
    if cli.trainer.local_rank == 0:  # of several processes on a machine: others would fetch and make the same data
        cli.datamodule.check()
        refuse_photographs_as_masks(cli.datamodule)
    settings = cli.parser.dump(cli.config, skip_check=True)
    path = folder / cli.model.model_file
    is_first = cli.trainer.is_global_zero  # of several processes: it alone speaks, and writes the model
    if is_first:
        write_text(folder / "config.yaml", settings)
    if not any(parameter.requires_grad for parameter in cli.model.parameters()):
        if is_first:
            print("there is nothing to train; only the latents' mean and standard deviation are measured")
            cli.model.save_model(folder, cli.datamodule)
        return path
    if is_first:
        print(first_line(cli.trainer, cli.model, cli.datamodule, folder), flush=True)
        for logger in cli.trainer.loggers:
            logger.log_hyperparams(yaml.safe_load(settings))
    if resume is None:
        cli.model.begin(cli.datamodule)
    try:
        cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=resume, weights_only=True)
    except SystemExit:
        # Lightning ends the process on Ctrl-C after its callbacks have run.
        if is_first:
            print(f"\nstopped at step {cli.trainer.global_step}; resume {cli.resuming}", file=sys.stderr)
        if cli.program is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would meet the interpreter at its end
        raise SystemExit(STOPPED) from None
    except Diverged as error:
        if is_first:
            raise
        raise SystemExit(FAILED) from error
    if is_first:
        _report_nothing_left(cli.trainer)
        cli.model.save_model(folder, cli.datamodule)
        print(f"the trained model is {path}")
        if isinstance(cli.model, FlowTask):
            _draw_flow(cli)
        better = best_line(cli.trainer)
        if better is not None:
            print(better)
        print(f"next: {next_command(cli.model, cli.datamodule, folder)}")
    return path


def task_from_config(config: Path, autoencoder: str, root: str) -> LatentTask:
    """The task that a configuration of `train_latent` describes, without training it.

    Args:
        config: the configuration.
        autoencoder: file or folder of the autoencoder.
        root: folder of photographs.
    """
    arguments = ["--config", str(config), "--autoencoder", autoencoder, "--data.root", root]
    return TrainingCLI.build(LatentTask, arguments, "unused").model


class TrainingCLI(LightningCLI):
    """LightningCLI without sub-commands, whose trainer writes into one folder."""

    def __init__(
        self, task: type[TrainingTask], arguments: Sequence[str], output: str, program: str | None = None
    ) -> None:
        self.output = output
        self.task_class = task
        self.program = program
        self.resuming = resuming_command(program, arguments)
        self.has_aliases = issubclass(task, PipelineTask)
        words = find_configurations(arguments)
        words = expand_aliases(words) if self.has_aliases else most_exact_last(words)
        super().__init__(
            task,
            FlowDataModule if issubclass(task, FlowTask) else InpaintingDataModule,
            run=False,
            args=words,
            save_config_callback=None,
            seed_everything_default=0,
            trainer_defaults={**TRAINER_DEFAULTS, **task.trainer_defaults},
            parser_kwargs={"exit_on_error": False, "description": task.__doc__, "prog": program},
            auto_configure_optimizers=False,
        )

    @classmethod
    def build(
        cls, task: type[TrainingTask], arguments: Sequence[str], output: str, program: str | None = None
    ) -> "TrainingCLI":
        """The command line with everything built from it; settings that cannot be are an `InputError`."""
        try:
            cli = cls(task, arguments, output, program)
            if cli.has_aliases:
                check_refiner(cli.model.pipeline.refiner, arguments)
            return cli
        except InputError:
            raise
        except (ValueError, ImportError, MisconfigurationException) as error:
            raise InputError(_reason(error)) from error

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        options = [run_folder(self.output), *EVERY_RUN]
        if self.task_class is FlowTask:
            parser.link_arguments("data.shape", "model.shape", apply_on="instantiate")
            options += OF_FLOWS
        if self.has_aliases:
            options += OF_REFINERS
        for option in options:
            parser.add_argument(f"--{option.name}", type=option.type, default=option.default, help=option.help)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        super().parse_arguments(parser, args)
        expand_home_in(self.config)

    def before_instantiate_classes(self) -> None:
        for alias in ("refiner", "autoencoder"):
            if self.has_aliases and self.config[alias] is not None:  # `expand_aliases` would have taken the option
                raise InputError(f"write --{alias} in full; in a configuration it is '{alias}' below 'model'")

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """The trainer with this package's callbacks beside those of the configuration."""
        if not 0 <= self.config.ema < 1:
            raise InputError(f"--ema is from 0 up to, but not 1, not {self.config.ema}")
        check_above_zero("--save_minutes", self.config.save_minutes)
        # What config.yaml says when it is saved: neither this logger nor these callbacks, which every run has.
        written = self.config.trainer
        if written.logger is None:
            written.logger = True
        written.callbacks = written.callbacks or []
        settings = trainer_settings({**self.config_init["trainer"], **kwargs})
        if self.config.ema > 0 and isinstance(settings.get("strategy"), ShardedStrategy):
            raise InputError(
                "averaged weights need all weights on every device: set --ema 0 beside --trainer.strategy fsdp, "
                "or --trainer.strategy ddp"
            )
        if settings.get("logger") in (None, True):
            folder = Path(self.config.output)
            settings["logger"] = TensorBoardLogger(folder, name="", version="tensorboard", default_hp_metric=False)
        plugins = settings.get("plugins") or []
        if not isinstance(plugins, list):
            plugins = [plugins]
        settings["plugins"] = [*plugins, WholeCheckpoints()]
        settings["callbacks"] = [*(settings.get("callbacks") or []), *self._own_callbacks()]
        return self.trainer_class(**settings)

    def _own_callbacks(self) -> list[Callback]:
        folder = Path(self.config.output)
        checkpoints = folder / "checkpoints"
        own: list[Callback] = [StopTogether(), NanGuard(folder, resume_with="--ckpt_path last")]
        if issubclass(self.task_class, FlowTask):
            own.append(FlowSnapshots(folder, self.config.keep_models))
        else:
            own.append(PictureGrid())
        own += [RunProgress(), SaveLast(checkpoints)]
        if self.config.ema > 0:
            # After SaveLast: once the average has taken the weights' place, there is nothing to resume from.
            own.append(WeightEMA(self.config.ema))
        own.append(Checkpoints(checkpoints, self.config.save_minutes))
        own.append(BestCheckpoint(checkpoints, *self.task_class.monitor))
        return own


def _reason(error: Exception) -> str:
    """What is wrong, in one line; of a class of the settings that could not be made, what it said itself."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    for number, line in enumerate(lines):
        if line.startswith("- Problem with given class_path"):
            return lines[number + 1]
        if line.startswith("- ") and not line.startswith("- Expected a"):
            return line.removeprefix("- ")
    return lines[0]


def _draw_flow(cli: TrainingCLI) -> None:
    """Draw what a flow has learnt, on the validation batch."""
    batch = cli.datamodule.val_batches[0]
    sheets = training_sheets(cli.model.flow.cpu().eval(), batch["source"], batch["target"])
    for name, sheet in sheets.items():
        path = Path(cli.config.output) / f"{name}.png"
        write_image(sheet, path)
        print(f"{name}: {path}")


def _report_nothing_left(trainer: pl.Trainer) -> None:
    """Say it if a run that was resumed had no step to make."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # Lightning attaches them by a connector
        if isinstance(callback, RunProgress) and callback.batches == 0:
            print(
                f"nothing was trained: at step {trainer.global_step} the run's steps or its time are used up; "
                "give more with --trainer.max_steps, --trainer.max_epochs or --trainer.max_time",
                file=sys.stderr,
            )
