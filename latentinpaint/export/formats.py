"""The formats of an exported model: how each is written, and how it is run to be checked."""

import contextlib
import importlib.util
import io
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.export.capture import Size, about, capture
from latentinpaint.export.module import filling_of
from latentinpaint.pipeline import InpaintPipeline

INSTALL = "pip install 'latentinpaint[export]'"
OPSETS = range(18, 24)
# A protocol buffer, which an ONNX file is, has less than 2 GiB.
LARGEST = 2**31 - 2**24

# Images and masks to filled images.
Run = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Format(ABC):
    """One format.

    Args:
        size: fixed height and width; None leaves them open.

    Attributes:
        suffix: of its files.
        writers, runners: packages that writing and checking need beside torch.
    """

    suffix: ClassVar[str]
    writers: ClassVar[tuple[str, ...]] = ()
    runners: ClassVar[tuple[str, ...]] = ()
    size: Size | None = None

    @abstractmethod
    def write(self, pipeline: InpaintPipeline, path: Path) -> None:
        """Write an `ffc` pipeline as one file.

        Raises:
            InputError: if the pipeline cannot be written.
        """

    @abstractmethod
    def load(self, path: Path) -> Run:
        """A file's function, computed without this package."""

    def check_writers(self) -> None:
        """Raise `InputError` if a package for writing is not installed."""
        lacking = _lacking(self.writers)
        if lacking:
            raise InputError(f"{' and '.join(lacking)} for {self.suffix} files cannot be found: {INSTALL}")

    def can_run(self) -> bool:
        """Whether the packages for `load` are installed."""
        return not _lacking(self.runners)


@dataclass(frozen=True)
class Onnx(Format):
    """ONNX without Fourier operators: those become matrix products, see `transforms`.

    Args:
        size: see `Format`.
        opset: version of ONNX's operators, of `OPSETS`.

    Raises:
        InputError: if there is no such opset.
    """

    opset: int = OPSETS[0]

    suffix = ".onnx"
    writers = ("onnx", "onnxscript")
    runners = ("onnxruntime",)

    def __post_init__(self) -> None:
        if self.opset not in OPSETS:
            raise InputError(f"opsets go from {OPSETS[0]} to {OPSETS[-1]}, not {self.opset}")

    def write(self, pipeline: InpaintPipeline, path: Path) -> None:
        filling = filling_of(pipeline, matrices=True)
        if sum(p.numel() * p.element_size() for p in filling.parameters()) > LARGEST:
            raise InputError("a model of 2 GiB and more does not fit one ONNX file: write a .pt2 file")
        with _quiet():
            program = torch.onnx.export(
                capture(filling, self.size),
                dynamo=True,
                input_names=["image", "mask"],
                output_names=["filled"],
                opset_version=self.opset,
                external_data=False,
                verbose=False,
            )
        _name_axes(program)
        _forget_origin(program)
        program.model.metadata_props["latentinpaint"] = about(pipeline.autoencoder, self.size)
        program.save(str(path), external_data=False)

    def load(self, path: Path) -> Run:
        import onnxruntime

        try:
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no base of their own
            reason = str(error).splitlines()[0].replace(str(path), "the file")[:200]
            raise InputError(
                f"onnxruntime {onnxruntime.__version__} cannot read opset {self.opset}, try a lower one: {reason}"
            ) from error
        return lambda image, mask: torch.from_numpy(
            session.run(["filled"], {"image": image.numpy(), "mask": mask.numpy()})[0]
        )


@dataclass(frozen=True)
class Pt2(Format):
    """A program of `torch.export`, with torch's own Fourier transforms."""

    suffix = ".pt2"

    def write(self, pipeline: InpaintPipeline, path: Path) -> None:
        with _quiet():
            program = capture(filling_of(pipeline, matrices=False), self.size)
            said = {"latentinpaint.json": about(pipeline.autoencoder, self.size)}
            torch.export.save(program, path, extra_files=said)

    def load(self, path: Path) -> Run:
        with _quiet():
            return torch.export.load(path).module()


FORMATS: dict[str, type[Format]] = {"onnx": Onnx, "pt2": Pt2}


def _lacking(packages: tuple[str, ...]) -> list[str]:
    return [name for name in packages if importlib.util.find_spec(name) is None]


def _name_axes(program: torch.onnx.ONNXProgram) -> None:
    """The exporter's numbers for open sizes as words; a fixed size stays a number."""
    shape = program.model.graph.inputs[0].shape
    names = {0: "batch", 2: "height", 3: "width"}
    program.rename_axes({str(shape[axis].value): name for axis, name in names.items() if not shape.is_static(axis)})


def _forget_origin(program: torch.onnx.ONNXProgram) -> None:
    """Take out the exporter's notes on modules and lines of code, which name folders of this machine."""
    graph = program.model.graph
    values = [*graph.inputs, *graph.outputs, *graph.initializers.values()]
    for part in (graph, *values, *graph, *(value for node in graph for value in node.outputs)):
        part.metadata_props.clear()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what libraries say of their own insides."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
