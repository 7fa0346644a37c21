"""Models as files that run without this package: ONNX, and programs of `torch.export`."""

from latentinpaint.export.capture import ImageSize
from latentinpaint.export.formats import FORMATS, OPSETS, ExportFormat, Onnx, Pt2
from latentinpaint.export.writing import COMPARED_SHAPES, TOLERANCE, export, largest_difference

__all__ = [
    "COMPARED_SHAPES",
    "FORMATS",
    "OPSETS",
    "TOLERANCE",
    "ExportFormat",
    "ImageSize",
    "Onnx",
    "Pt2",
    "export",
    "largest_difference",
]
