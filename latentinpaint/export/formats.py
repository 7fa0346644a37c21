"""The formats of an exported model: how each is written, and how it is run to be verified."""

import contextlib
import importlib.util
import io
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.export.capture import ImageSize, capture, metadata
from latentinpaint.export.module import export_module
from latentinpaint.pipeline import InpaintPipeline

INSTALL_HINT = "pip install 'latentinpaint[export]'"
OPSETS = range(18, 24)
# An ONNX file is a protocol buffer, which has less than 2 GiB; the rest is for the graph.
MAX_ONNX_BYTES = 2**31 - 2**24

# Images and masks to filled images.
InpaintFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class ExportFormat(ABC):
    """One format.

    Args:
        size: fixed height and width; None leaves them dynamic.

    Attributes:
        suffix: of its files.
        writer_packages, runtime_packages: packages that writing and running need besides torch.
    """

    suffix: ClassVar[str]
    writer_packages: ClassVar[tuple[str, ...]] = ()
    runtime_packages: ClassVar[tuple[str, ...]] = ()
    size: ImageSize | None = None

    @abstractmethod
    def encode(self, pipeline: InpaintPipeline) -> bytes:
        """The file of an `ffc` pipeline.

        Raises:
            InputError: if the format cannot hold the pipeline.
        """

    @abstractmethod
    def load(self, path: Path) -> InpaintFunction:
        """The function that a file computes, without this package."""

    def check_writer_packages(self) -> None:
        """Raise an `InputError` if a package for writing is not installed."""
        missing = _not_installed(self.writer_packages)
        if missing:
            raise InputError(f"{' and '.join(missing)} for {self.suffix} files cannot be found: {INSTALL_HINT}")

    def can_run(self) -> bool:
        """Whether the packages for `load` are installed."""
        return not _not_installed(self.runtime_packages)


@dataclass(frozen=True)
class Onnx(ExportFormat):
    """ONNX without Fourier operators: those become matrix products, see `transforms`.

    Args:
        size: see `ExportFormat`.
        opset: version of ONNX's operators, of `OPSETS`.

    Raises:
        InputError: if there is no such opset.
    """

    opset: int = OPSETS[0]

    suffix = ".onnx"
    writer_packages = ("onnx", "onnxscript")
    runtime_packages = ("onnxruntime",)

    def __post_init__(self) -> None:
        if self.opset not in OPSETS:
            raise InputError(f"opsets go from {OPSETS[0]} to {OPSETS[-1]}, not {self.opset}")

    def encode(self, pipeline: InpaintPipeline) -> bytes:
        module = export_module(pipeline, matrices=True)
        if sum(p.numel() * p.element_size() for p in module.parameters()) > MAX_ONNX_BYTES:
            raise InputError("a model of 2 GiB and more does not fit one ONNX file: write a .pt2 file")
        with _no_output():
            program = torch.onnx.export(
                capture(module, self.size),
                dynamo=True,
                input_names=["image", "mask"],
                output_names=["filled"],
                opset_version=self.opset,
                external_data=False,
                verbose=False,
            )
        assert program is not None  # it is None with `dynamo=False` alone
        _name_axes(program)
        _remove_origins(program)
        program.model.metadata_props["latentinpaint"] = metadata(pipeline.autoencoder, self.size)
        return program.model_proto.SerializeToString()

    def load(self, path: Path) -> InpaintFunction:
        import onnxruntime

        try:
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no base class of their own
            reason = str(error).splitlines()[0].replace(str(path), "the file")[:200]
            raise InputError(
                f"onnxruntime {onnxruntime.__version__} cannot read opset {self.opset}, try a lower one: {reason}"
            ) from error

        def run(image: Tensor, mask: Tensor) -> Tensor:
            outputs = session.run(["filled"], {"image": image.numpy(), "mask": mask.numpy()})
            return torch.from_numpy(outputs[0])

        return run


@dataclass(frozen=True)
class Pt2(ExportFormat):
    """A program of `torch.export`, with torch's own Fourier transforms."""

    suffix = ".pt2"

    def encode(self, pipeline: InpaintPipeline) -> bytes:
        with _no_output():
            program = capture(export_module(pipeline, matrices=False), self.size)
            extra_files = {"latentinpaint.json": metadata(pipeline.autoencoder, self.size)}
            encoded = io.BytesIO()
            torch.export.save(program, encoded, extra_files=extra_files)
        return encoded.getvalue()

    def load(self, path: Path) -> InpaintFunction:
        with _no_output():
            return torch.export.load(path).module()


FORMATS: dict[str, type[ExportFormat]] = {"onnx": Onnx, "pt2": Pt2}


def _not_installed(packages: tuple[str, ...]) -> list[str]:
    return [name for name in packages if importlib.util.find_spec(name) is None]


def _name_axes(program: torch.onnx.ONNXProgram) -> None:
    """Name the dynamic axes, which the exporter numbers; a fixed size stays a number."""
    shape: Any = program.model.graph.inputs[0].shape
    names: dict[Any, str] = {}
    for axis, name in {0: "batch", 2: "height", 3: "width"}.items():
        if not shape.is_static(axis):
            names[str(shape[axis].value)] = name
    program.rename_axes(names)


def _remove_origins(program: torch.onnx.ONNXProgram) -> None:
    """Remove the exporter's notes on modules and lines of code, which name folders of this machine."""
    graph = program.model.graph
    parts: list[Any] = [graph, *graph.inputs, *graph.outputs, *graph.initializers.values()]
    for node in graph:
        parts.extend([node, *node.outputs])
    for part in parts:
        part.metadata_props.clear()


@contextlib.contextmanager
def _no_output() -> Iterator[None]:
    """Suppress what libraries print, log and warn of in the `with` block."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
