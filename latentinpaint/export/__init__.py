"""Models as files that run without this package: ONNX, and programs of `torch.export`."""

from latentinpaint.export.capture import Size
from latentinpaint.export.formats import FORMATS, OPSETS, Format, Onnx, Pt2
from latentinpaint.export.writing import COMPARED, TOLERANCE, export, largest_difference

__all__ = [
    "COMPARED",
    "FORMATS",
    "OPSETS",
    "TOLERANCE",
    "Format",
    "Onnx",
    "Pt2",
    "Size",
    "export",
    "largest_difference",
]
