"""Tests that need an NVIDIA GPU: `pytest -m gpu`. What a GPU computes is compared with the processor's result."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def device() -> torch.device:
    """Where the tests of this folder compute."""
    if not torch.cuda.is_available():
        pytest.skip("there is no NVIDIA GPU that PyTorch can use here")
    torch.cuda.init()  # what counts its memory does not begin by itself
    return torch.device("cuda")


@pytest.fixture(autouse=True)
def _whole_float32():
    """Products are computed in float32 as on the processor, not in TF32 with its ten bits."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
