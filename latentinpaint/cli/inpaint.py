"""`inpaint`: fill the hole in one picture, or in every picture of a folder; or add margins to it and fill those."""

from pathlib import Path

from latentinpaint.cli.inpaint_options import Options
from latentinpaint.errors import InputError


def run(options: Options) -> int:
    """Fill one picture or a folder; returns the exit status."""
    from latentinpaint.cli.inpaint_run import run_folder, run_single

    has_folders = options.indir is not None or options.outdir is not None
    has_files = options.image is not None or options.output is not None
    if options.image is not None and options.output is not None and not has_folders:
        return run_single(options, Path(options.image), Path(options.output))
    if options.indir is not None and options.outdir is not None and not has_files:
        return run_folder(options, Path(options.indir), Path(options.outdir))
    raise InputError("give --image, --mask and --output, or --indir and --outdir")
