"""The GPU is chosen, has memory, and trains in bfloat16."""

import pytest
import torch

from latentinpaint.runtime.device import choose_device, free_memory
from latentinpaint.training.precision import fastest_precision

pytestmark = pytest.mark.gpu


def test_the_gpu_is_the_best_device(device):
    assert choose_device() == torch.device("cuda")
    assert choose_device(0) == choose_device("cuda:0") == torch.device("cuda:0")


def test_free_memory_is_below_the_cards(device):
    total = torch.cuda.get_device_properties(device).total_memory
    before = free_memory(device)
    assert 0 < before < total
    held = torch.empty(2**28, dtype=torch.uint8, device=device)
    while_held = free_memory(device)
    # Other programs may use the card meanwhile; what was given back to PyTorch's cache counts as free.
    assert before - while_held > 2**27
    del held
    assert free_memory(device) - while_held > 2**27


def test_a_card_with_bfloat16_trains_in_it(device):
    if torch.cuda.get_device_capability(device) < (8, 0):
        pytest.skip("this card is older than bfloat16 in hardware")
    assert fastest_precision() == "bf16-mixed"
