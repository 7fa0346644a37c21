"""The options that every training command has beside those of its task, its data and Lightning's trainer.

This module imports nothing heavy: a command explains itself without the libraries that it trains with.
"""

from dataclasses import dataclass
from typing import Any

# Arguments of the trainer that differ from Lightning's own.
TRAINER_DEFAULTS: dict[str, Any] = {
    "max_steps": 20_000,
    "max_epochs": -1,
    "val_check_interval": 1000,
    "check_val_every_n_epoch": None,
    "num_sanity_val_steps": 0,
    "gradient_clip_val": 1.0,
    "log_every_n_steps": 20,
    "sync_batchnorm": True,  # several devices of batch b train as one of all their batches
    "enable_model_summary": False,
    "enable_progress_bar": False,  # RunProgress knows the end of a run by steps and by time
}


@dataclass(frozen=True)
class RunOption:
    """An option of a training command, for its parser and for its help."""

    name: str
    type: Any
    default: Any
    help: str


EVERY_RUN = (
    RunOption("ckpt_path", str | None, None, "'last', 'best' or a .ckpt file to resume from"),
    RunOption("ema", float, 0.999, "decay of the averaged weights a step; 0 is off"),
    RunOption("save_minutes", float, 2.0, "minutes of training between two checkpoints"),
)
OF_FLOWS = (RunOption("keep_models", bool, False, "keep the weights after every validation, in models/"),)
OF_REFINERS = (
    RunOption("refiner", str | None, None, "short for --model.refiner: ffc, flow or noise"),
    RunOption("autoencoder", str | None, None, "short for --model.autoencoder: a file or folder"),
)


def run_folder(output: str) -> RunOption:
    """The option that names the run's folder, with its default."""
    return RunOption("output", str, output, "folder of the run and of the model")
