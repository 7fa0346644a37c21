"""`quickstart`: train on the embedded photographs for some minutes, fill held-back ones, and say what to try next."""

import shlex
import time
from pathlib import Path

from latentinpaint.errors import InputError


def command(output: str = "quickstart", minutes: float = 8.0, seed: int = 0) -> None:
    """Train an autoencoder and both refiners on the embedded photographs and fill the held-back ones.

    Minutes of training on a dozen photographs make a demonstration, not a model to use: it ends with what to run for
    one.

    Args:
        output: folder for the models, the pictures and the table; files of an earlier quickstart are replaced.
        minutes: time for everything, on a machine with two cores.
        seed: of the training, the holes and the samples.
    """
    if minutes <= 0:
        raise InputError(f"--minutes is a time above 0, not {minutes}")
    from latentinpaint.evaluation.report.console import scores_table
    from latentinpaint.experiments import quickstart

    started = time.monotonic()
    folder = Path(output)
    scores_table(quickstart.run(folder, minutes, seed))
    elapsed = (time.monotonic() - started) / 60
    flow = shlex.quote(str(folder / "flow"))
    photo = shlex.quote(str(folder / "photo.png"))
    mask = shlex.quote(str(folder / "photo_mask001.png"))
    print(
        f"\ndone in {elapsed:.1f} minutes; look at {folder / 'grid.png'} and {folder / 'latent_difference.png'}\n"
        "This was a demonstration: some minutes on a dozen photographs teach a model how, not what.\n"
        "For a real model, with your own folder of photographs and an hour or more for each step:\n"
        "  python tools/pretrain_ae.py --config configs/pretrain_ae.yaml --data.root DIR\n"
        "  python tools/train_latent.py --config configs/latent_ffc.yaml --data.root DIR "
        "--autoencoder runs/pretrain_ae\n"
        f"Try one of the models just trained:\n"
        f"  latentinpaint inpaint --model {flow} --image {photo} --mask {mask} --output filled.png"
    )
