"""`quickstart`: what the default model fills, refiners trained on the embedded photographs, and what to try next."""

import shlex
import time
from pathlib import Path

from latentinpaint.errors import check_counts


def command(output: str = "quickstart", steps: int = 650, seed: int = 0) -> None:
    """Show what the default model fills, train both refiners on the embedded photographs and compare their fills.

    Minutes of training make a demonstration, not a model to use: it ends with what to run for one.

    Args:
        output: folder for the models, the pictures and the table; files of an earlier quickstart are replaced.
        steps: of each refiner's training; a machine that is busy takes longer for them.
        seed: of the training, the holes and the samples.
    """
    check_counts({"--steps": steps})
    from latentinpaint.evaluation.report.console import scores_table
    from latentinpaint.experiments import demonstration

    started = time.monotonic()
    folder = Path(output)
    scores_table(demonstration.run(folder, steps, seed))
    elapsed = (time.monotonic() - started) / 60
    flow = shlex.quote(str(folder / "flow"))
    photo = shlex.quote(str(folder / "photo.png"))
    mask = shlex.quote(str(folder / "photo_mask001.png"))
    print(
        f"\ndone in {elapsed:.1f} minutes; look at {folder / 'default.png'} (the default model, trained for hours),\n"
        f"{folder / 'grid.png'} (what was trained just now) and {folder / 'latent_difference.png'}\n"
        "This was a demonstration: some minutes on a dozen photographs teach a model how, not what.\n"
        "For a real model, with your own folder of photographs, go on from the default model:\n"
        "  latentinpaint train_latent --model.start default --data.root DIR\n"
        "or train your own from the start, an hour or more for each step:\n"
        "  latentinpaint pretrain_ae --config pretrain_ae --data.root DIR\n"
        "  latentinpaint train_latent --config latent_ffc --data.root DIR "
        "--autoencoder runs/pretrain_ae\n"
        "Try one of the models just trained:\n"
        f"  latentinpaint inpaint --model {flow} --image {photo} --mask {mask} --output filled.png"
    )
