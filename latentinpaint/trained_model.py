"""`TrainedModel`: a model file loaded onto a device, and the faster copy of its networks that computes there."""

import logging
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from latentinpaint.errors import InputError, choose, shown
from latentinpaint.files import user_path
from latentinpaint.hub import at_revision, model_card, upload
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.models.fast.fuse import fuse
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.pretrained.model_paths import PIPELINE_FILE
from latentinpaint.runtime.device import choose_device
from latentinpaint.weights import Model, load_model, save_model

if TYPE_CHECKING:
    from typing_extensions import Self

LOG = logging.getLogger(__name__)

# The type that convolutions are computed in; None is the weights' own.
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


class TrainedModel:
    """A model that computes on a device. Several threads may use one at the same time.

    Args:
        pipeline: the model's networks.
        device: where it runs, such as "cpu" or "cuda"; None takes a GPU if there is one.
        precision: a key of `PRECISIONS`. "bfloat16" is faster where the processor has instructions for it, and
            differs by about a step of 8 bits.
        texture: paints fills anew with patches of the picture; None leaves them as the networks make them.
        recipe: how the model was made, for its file.

    Attributes:
        pipeline: the networks as they were trained, in evaluation mode.
        texture, recipe: as given; they may be changed.

    Raises:
        InputError: if there is no such device or precision.
    """

    def __init__(
        self,
        pipeline: InpaintPipeline,
        device: str | torch.device | None = None,
        precision: str = "float32",
        texture: PatchTexture | None = None,
        recipe: dict[str, Any] | None = None,
    ) -> None:
        if not isinstance(pipeline, InpaintPipeline):
            raise InputError(
                f"{type(self).__name__} takes an InpaintPipeline, as from_pretrained loads it, not {shown(pipeline)}"
            )
        self._dtype = choose(PRECISIONS, precision, "precision")
        self.device = choose_device(device)
        self.precision = precision
        self.pipeline = pipeline.to(self.device).eval()
        self.texture = texture
        self.recipe = recipe or {}
        LOG.info("fills on %s in %s", self.device, precision)
        self._fused: InpaintPipeline | None = None
        self._fused_state: list[tuple[int, int]] = []
        self._fusing = threading.Lock()

    @property
    def fused(self) -> InpaintPipeline:
        """A faster copy of the pipeline that computes the fills, made anew when weights change; see `models.fast`."""
        state = []
        for value in (*self.pipeline.parameters(), *self.pipeline.buffers()):
            version = 0 if value.is_inference() else value._version
            state.append((value.data_ptr(), version))
        with self._fusing:
            if self._fused is None or state != self._fused_state:
                self._fused = fuse(self.pipeline, self._dtype)
                self._fused.report_layers()
                self._fused_state = state
            return self._fused

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path = "default",
        device: str | torch.device | None = None,
        precision: str = "float32",
        revision: str | None = None,
    ) -> "Self":
        """The model that comes with the package ("default"), of a run's folder or `.safetensors` file, or of the Hub.

        Args:
            model: what to load: a file or folder of that name, else a model of the package, else ``org/name`` of the
                Hugging Face Hub, or ``org/name@revision``. Only its safetensors file is fetched.
            device, precision: see the class.
            revision: of a model of the Hub: a commit, a tag or a branch, by default the newest commit. A commit stays
                the same for ever, and is read without a network once it has been fetched.

        Raises:
            InputError: if there is no such file, it is not a model of this package, or the Hub does not give it.
        """
        with torch.random.fork_rng(devices=[]):  # layers begin with random weights before they get the file's
            loaded = load_model(at_revision(model, revision))
        return cls(loaded.pipeline, device, precision, loaded.texture, loaded.recipe)

    def save_pretrained(self, folder_or_file: str | Path) -> Path:
        """Write the model so that `from_pretrained` reads it: a folder for model.safetensors, or a .safetensors file.

        Raises:
            InputError: if it cannot be written.
        """
        path = user_path(folder_or_file)
        if path.suffix != ".safetensors":
            path = path / PIPELINE_FILE
        save_model(Model(self.pipeline, self.texture, self.recipe), path)
        return path

    def push_to_hub(self, name: str, private: bool = False) -> str:
        """Upload the model and, where there is none, its card to the Hugging Face Hub, in one commit.

        Who uploads is who has logged in with ``hf auth login``, or whose token is in the variable HF_TOKEN.

        Args:
            name: ``org/name`` of the repository, which is made if it is not there.
            private: whether a repository that is made is seen by its owners alone.

        Returns:
            ``org/name@commit``, which `from_pretrained` takes.

        Raises:
            InputError: if nobody is logged in or may write there, or the Hub cannot be reached.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = self.save_pretrained(folder)
            return str(upload(file, name, model_card(self.recipe, name), private))
