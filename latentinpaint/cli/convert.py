"""`convert`: a LaMa checkpoint to a model of this package, and a model to a LaMa checkpoint."""

import sys
from pathlib import Path

from latentinpaint.errors import InputError, printable

# Suffixes of checkpoint files; an output with any other suffix but .safetensors is a folder.
PICKLED = (".ckpt", ".pt", ".pth", ".bin")


def command(output: str, lama: str | None = None, model: str | None = None, lama_config: str | None = None) -> None:
    """Convert a LaMa checkpoint to a model (--lama), or a model to a LaMa checkpoint (--model).

    The weights are the same in both: the model computes LaMa's output, and converting there and back changes no bit.
    Nothing in a checkpoint is executed; what it holds besides the generator, such as a discriminator, is left out.

    Args:
        output: with --lama, a folder for model.safetensors, or a .safetensors file; with --model, a folder for
            config.yaml and models/best.ckpt, or a .ckpt, .pt or .pth file beside which config.yaml is written.
        lama: LaMa's best.ckpt, a plain state dict of its generator, or a folder of config.yaml and models/best.ckpt.
        model: a model file, or the folder of a training run, of an architecture that LaMa's layout can hold.
        lama_config: LaMa's config.yaml; by default the one beside the checkpoint or in the folder above, if any.
    """
    if lama is not None and model is None:
        _from_lama(lama, lama_config, Path(output))
    elif model is not None and lama is None:
        if lama_config is not None:
            raise InputError("--lama-config belongs to --lama: with --model a config.yaml is written")
        _to_lama(model, Path(output))
    else:
        raise InputError("give either --lama to convert a LaMa checkpoint, or --model to convert a model")


def _from_lama(source: str, config: str | None, output: Path) -> None:
    from latentinpaint.lama import load_lama
    from latentinpaint.pretrained.model_paths import PIPELINE_FILE
    from latentinpaint.weights import Model, save_model

    if output.suffix in PICKLED:
        raise InputError(f"{output}: a model is written to a folder or a .safetensors file")
    target = output
    if output.suffix != ".safetensors":
        target = output / PIPELINE_FILE
    if target.exists():
        raise InputError(f"{target} exists already: choose another output, nothing is overwritten")
    converted = load_lama(source, config)
    for note in converted.notes:
        print(printable(f"note: {note}"), file=sys.stderr)
    save_model(Model(converted.pipeline, recipe=converted.recipe), target)
    sizes = converted.dimensions
    print(
        f"wrote {target}: LaMa's generator with ngf {sizes.ngf}, {sizes.blocks} blocks of {sizes.latent} channels, "
        f"{sizes.num_global} of them global"
    )


def _to_lama(model: str, output: Path) -> None:
    from latentinpaint.lama import lama_dimensions, save_lama
    from latentinpaint.weights import load_pipeline

    if output.suffix in (".safetensors", ".bin"):
        raise InputError(f"{output}: a LaMa checkpoint is written to a folder or a .ckpt, .pt or .pth file")
    pipeline = load_pipeline(model)
    try:
        lama_dimensions(pipeline)
    except InputError as error:
        raise InputError(f"{model} cannot be converted: {error}") from error
    written = save_lama(pipeline, output)
    print(printable(f"wrote {' and '.join(map(str, written))}"))
