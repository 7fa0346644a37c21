"""`export`: an ffc model as one file that runs without this package."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.errors import InputError

if TYPE_CHECKING:
    from latentinpaint.export import Format


@dataclass(kw_only=True)
class Options:
    """Write an ffc model as one file that runs without this package: for onnxruntime, or for torch alone.

    It takes image, (B, 3, H, W) in 0 to 1, and mask, (B, 1, H, W) with 1 = hole, and gives (B, 3, H, W): the fill in
    the hole, the picture's own values elsewhere. B, H and W are free, from 2 pixels a side. The file is compared with
    the model at three sizes, and is not written if they differ by more than 0.0001.

    Args:
        model: default, model file, or folder of a training run, whose refiner is ffc.
        output: .onnx or .pt2 file to write.
        format: onnx or pt2 (torch.export); by default what the ending of output says.
        size: the only height and width, in pixels, for what cannot do with free ones: 512, or 384x512.
        opset: version of ONNX's operators, 18 to 23; by default 18.
    """

    model: str = "default"
    output: str
    format: str | None = None
    size: str | None = None
    opset: int | None = None


def run(options: Options) -> None:
    """Write the file, and say how near it is to the model."""
    from latentinpaint.export import COMPARED, export
    from latentinpaint.export.formats import INSTALL
    from latentinpaint.weights import load_model

    form = _format(options)
    form.check_writers()
    model = load_model(options.model)
    if model.texture is not None:
        print("note: the file holds the networks alone, texture is painted by this package only", file=sys.stderr)
    difference = export(model.pipeline, options.output, form)
    print(f"wrote {options.output}, {Path(options.output).stat().st_size / 2**20:.1f} MiB")
    if difference is None:
        missing = " and ".join(form.runners)
        print(f"note: not compared with the model, {missing} cannot be found: {INSTALL}", file=sys.stderr)
        return
    shapes = f"{len(COMPARED)} sizes" if form.size is None else f"{form.size.height} x {form.size.width}"
    print(f"largest difference from the model's pictures at {shapes}: {difference:.1e}")


def _format(options: Options) -> "Format":
    """The format with its settings."""
    from latentinpaint.export import FORMATS, Onnx, Size

    by_suffix = {kind.suffix: name for name, kind in FORMATS.items()}
    suffix = Path(options.output).suffix.lower()
    name = by_suffix.get(suffix) if options.format is None else options.format
    if name is None:
        raise InputError(f"--output is a {' or a '.join(by_suffix)} file, not {options.output}")
    if name not in FORMATS:
        raise InputError(f"there is no format '{name}': choose one of {', '.join(FORMATS)}")
    kind = FORMATS[name]
    if kind.suffix != suffix:
        raise InputError(f"--format {name} writes a {kind.suffix} file: --output {options.output} has another ending")
    size = None if options.size is None else Size.parse(options.size)
    if options.opset is None:
        return kind(size)
    if kind is not Onnx:
        raise InputError(f"--opset belongs to --format onnx, not {name}")
    return Onnx(size, options.opset)
