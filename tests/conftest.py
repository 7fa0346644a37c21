"""Small models and pictures that many tests use; nothing is downloaded."""

import os
import signal

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
# The tests' networks are so small that threads would wait for each other longer than they compute. This goes for the
# processes that tests start as well, so it is set before PyTorch and NumPy are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing is looked for on the Hugging Face Hub; `hub` below is a stand-in.
os.environ["HF_HUB_OFFLINE"] = "1"

from contextlib import redirect_stdout
from io import StringIO
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

# A shell starts what runs in the background with Ctrl-C ignored, which processes that tests interrupt would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _threads():
    """A test's number of threads is its own."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that only the project's own machines have; tests that need it skip elsewhere."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the project's own data folder is not here")
    return folder


def build_pipeline(refiner: str = "ffc", control: bool = True, seed: int = 0):
    """An untrained pipeline, 32 latent channels at 1/8, whose mask control is not zero."""
    from latentinpaint.models import LamaAutoencoder, MaskControl
    from latentinpaint.pipeline import InpaintPipeline
    from latentinpaint.refiners import FFCRefiner, FlowRefiner, NoiseRefiner

    torch.manual_seed(seed)
    autoencoder = LamaAutoencoder(base_channels=4, final_relu=False)
    # Untrained, every fill would be the same grey, and nothing a test compares could differ: let BatchNorm see
    # pictures, and widen the last convolution.
    for norm in (module for module in autoencoder.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.momentum = None
    with torch.no_grad():
        autoencoder.decode(autoencoder.encode(torch.rand(4, 3, 64, 64)))
        autoencoder.decoder[-2].weight *= 3
    autoencoder.measure_latents([torch.rand(4, 3, 32, 32)])
    mask_control = MaskControl(autoencoder) if control else None
    if mask_control is not None:
        for tap in mask_control.taps:
            torch.nn.init.normal_(tap.weight, std=0.1)
    if refiner == "ffc":
        made = FFCRefiner(32, blocks=1)
    elif refiner == "noise":
        made = NoiseRefiner(32, blocks=1, width=32)
        torch.nn.init.normal_(made.leave.weight, std=0.2)
        torch.nn.init.normal_(made.scatter.weight, std=0.2)
        torch.nn.init.normal_(made.blocks[0].modulation.weight, std=0.2)
    else:
        made = FlowRefiner(32, width=16, multipliers=(1, 2), blocks=1, steps=3)
        torch.nn.init.normal_(made.network.answer.weight, std=0.05)
    return InpaintPipeline(autoencoder, made, mask_control).eval()


@pytest.fixture(scope="session")
def model_files(tmp_path_factory) -> dict[str, Path]:
    """Files of untrained models: "ffc", "flow", "noise", "autoencoder" (of all) and "other" (another autoencoder)."""
    from latentinpaint.models import LamaAutoencoder
    from latentinpaint.weights import Model, save_autoencoder, save_model

    folder = tmp_path_factory.mktemp("models")
    for name in ("ffc", "flow", "noise"):
        save_model(Model(build_pipeline(name)), folder / name / "model.safetensors")
    save_autoencoder(build_pipeline().autoencoder, folder / "autoencoder.safetensors")
    torch.manual_seed(1)
    save_autoencoder(LamaAutoencoder(base_channels=4), folder / "other.safetensors")
    return {
        "ffc": folder / "ffc" / "model.safetensors",
        "flow": folder / "flow" / "model.safetensors",
        "noise": folder / "noise" / "model.safetensors",
        "autoencoder": folder / "autoencoder.safetensors",
        "other": folder / "other.safetensors",
    }


@pytest.fixture(scope="session")
def ray_address():
    """The address of a Ray cluster of two machines with one processor each, both on this machine."""
    pytest.importorskip("ray", reason="ray is not installed: pip install 'latentinpaint[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_BACKEND_LOG_LEVEL", "fatal")
        patch.setenv("RAY_worker_niceness", "0")
        from ray.cluster_utils import Cluster

        small = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=small)
        small.pop("include_dashboard")
        cluster.add_node(**small)
        yield cluster.address
        cluster.shutdown()


@pytest.fixture(scope="session", name="build_pipeline")
def _build_pipeline_fixture():
    """The function `build_pipeline`, for tests: they cannot import this file."""
    return build_pipeline


@pytest.fixture(scope="session")
def finished_quickstart(tmp_path_factory, model_files) -> tuple[Path, str]:
    """The folder of a quickstart of three steps with an untrained default model, and what it printed."""
    from latentinpaint.cli.quickstart import command
    from latentinpaint.experiments import demonstration
    from latentinpaint.pretrained.model_paths import PRETRAINED

    folder = tmp_path_factory.mktemp("quickstart") / "out put"
    out = StringIO()
    with redirect_stdout(out), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(folder / "none"))
        patch.setitem(PRETRAINED, "default", model_files["ffc"])
        patch.setattr(demonstration, "FILL_SIZE", 64)
        patch.setattr(demonstration, "TRAINING_SIZE", 64)
        command(output=str(folder), steps=3)
    return folder, out.getvalue()


def smooth(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """A coloured picture (H, W, C) uint8 with large and small structure."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    phases = rng.uniform(0, 6, channels)
    waves = np.stack([np.sin(rows / 9 + p) + np.cos(columns / 7 - p) for p in phases], axis=-1)
    return np.clip(127 + 50 * waves + rng.normal(0, 8, waves.shape), 0, 255).astype(np.uint8)


def write_hole(path: Path, hole: np.ndarray) -> Path:
    """A mask file, white where `hole` (H, W) bool."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(hole.astype(np.uint8) * 255).save(path)
    return path


def write_photos(folder: Path, names: tuple[str, ...], heights: tuple[int, ...] | None = None) -> Path:
    """A folder of smooth pictures 64 wide and, if not said otherwise, 48 high, each with a seed of its own."""
    for seed, (name, height) in enumerate(zip(names, heights or repeat(48), strict=False)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(smooth(height, 64, seed=seed)).save(folder / name)
    return folder


@pytest.fixture(scope="session")
def helpers():
    """`smooth`, `write_hole` and `write_photos` for test files, which cannot import from each other."""
    from types import SimpleNamespace

    return SimpleNamespace(smooth=smooth, write_hole=write_hole, write_photos=write_photos)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A stand-in of the Hugging Face Hub for `huggingface_hub`, with an empty cache, and nobody logged in."""
    constants = pytest.importorskip("huggingface_hub.constants")
    from hub_server import serving

    with serving() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace("https://huggingface.co", server.url)
        for module in ("constants", "file_download"):  # older releases have it in both
            name = f"huggingface_hub.{module}.HUGGINGFACE_CO_URL_TEMPLATE"
            monkeypatch.setattr(name, template, raising=False)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # a protocol of its own: the stand-in speaks HTTP
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield server
