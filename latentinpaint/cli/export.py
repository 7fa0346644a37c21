"""`export`: an ffc model as one file that runs without this package."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.errors import InputError, choose, printable

if TYPE_CHECKING:
    from latentinpaint.export import ExportFormat


@dataclass(kw_only=True)
class Options:
    """Write an ffc model as one file that runs without this package: for onnxruntime, or for torch alone.

    The inputs are image, (B, 3, H, W) in 0 to 1, and mask, (B, 1, H, W) with 1 = hole; the output is (B, 3, H, W):
    the fill in the hole, the image's own values elsewhere. B, H and W are dynamic, from 2 pixels a side. The file is
    compared with the model at three sizes, and is not written if they differ by more than 0.0001.

    Args:
        model: default, a model file, or the folder of a training run, whose refiner is ffc.
        output: .onnx or .pt2 file to write.
        format: onnx or pt2 (torch.export); by default the suffix of output decides.
        size: fixed height and width in pixels, for runtimes without dynamic shapes: 512, or 384x512.
        opset: version of ONNX's operators, 18 to 23; by default 18.
    """

    model: str = "default"
    output: str
    format: str | None = None
    size: str | None = None
    opset: int | None = None


def run(options: Options) -> None:
    """Write the file, and print how near it is to the model."""
    from latentinpaint.export import COMPARED_SHAPES, export
    from latentinpaint.export.formats import INSTALL_HINT
    from latentinpaint.weights import load_model

    export_format = _export_format(options)
    export_format.check_writer_packages()
    model = load_model(options.model)
    if model.texture is not None:
        print("note: the file holds the networks alone, texture is synthesised by this package only", file=sys.stderr)
    difference = export(model.pipeline, options.output, export_format)
    print(printable(f"wrote {options.output}, {Path(options.output).stat().st_size / 2**20:.1f} MiB"))
    if difference is None:
        missing = " and ".join(export_format.runtime_packages)
        print(f"note: not compared with the model, {missing} cannot be found: {INSTALL_HINT}", file=sys.stderr)
        return
    sizes = f"{len(COMPARED_SHAPES)} sizes"
    if export_format.size is not None:
        sizes = f"{export_format.size.height} x {export_format.size.width}"
    print(f"largest difference from the model's output at {sizes}: {difference:.1e}")


def _export_format(options: Options) -> "ExportFormat":
    """The format with its options."""
    from latentinpaint.export import FORMATS, ImageSize, Onnx

    suffix = Path(options.output).suffix.lower()
    name = options.format
    if name is None:
        name = _format_of(suffix, options.output)
    format_class = choose(FORMATS, name, "format")
    if format_class.suffix != suffix:
        raise InputError(
            f"--format {name} writes a {format_class.suffix} file: --output {options.output} has another suffix"
        )
    size = None
    if options.size is not None:
        size = ImageSize.parse(options.size)
    if options.opset is None:
        return format_class(size)
    if format_class is not Onnx:
        raise InputError(f"--opset belongs to --format onnx, not {name}")
    return Onnx(size, options.opset)


def _format_of(suffix: str, output: str) -> str:
    """The name of the format that a suffix stands for."""
    from latentinpaint.export import FORMATS

    by_suffix = {format_class.suffix: name for name, format_class in FORMATS.items()}
    if suffix not in by_suffix:
        raise InputError(f"--output is a {' or a '.join(by_suffix)} file, not {output}")
    return by_suffix[suffix]
