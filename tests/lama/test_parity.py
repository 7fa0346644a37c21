"""A converted checkpoint computes LaMa's generator: against a reference that reads LaMa's state dict itself."""

from functools import cache

import numpy as np
import pytest
import torch
from oracles_lama import Generator, random_state, write_folder

from latentinpaint.lama import load_lama
from latentinpaint.pipeline import mask_out
from latentinpaint.refiners import Condition

# ngf, blocks, ratio, sizes of pictures; 16 is the least that LaMa's reflected borders allow.
CASES = [
    (8, 9, 0.75, [(64, 64), (40, 72), (16, 16), (16, 104)]),
    (8, 18, 0.75, [(56, 24), (16, 40)]),
    (8, 9, 0.0, [(48, 40)]),
    (8, 18, 0.5, [(24, 56)]),
    (8, 9, 1.0, [(40, 16)]),
    (6, 2, 0.3, [(32, 24)]),
    (5, 0, 0.6, [(24, 24)]),
    (32, 9, 0.75, [(72, 56)]),
    (32, 18, 0.75, [(40, 24)]),
    (64, 9, 0.75, [(32, 40)]),
    (64, 18, 0.75, [(24, 32)]),
]


@cache
def small_state(ngf, blocks, ratio):
    return random_state(ngf, blocks, ratio)


def converted(tmp_path, state):
    return load_lama(write_folder(tmp_path / "lama", {"state_dict": state})).pipeline


def damaged(height, width, count=2, seed=1):
    """Pictures in [0, 1] and masks, 1 = hole, of rectangles and specks."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(count, 3, height, width, generator=generator)
    mask = (torch.rand(count, 1, height, width, generator=generator) > 0.9).float()
    mask[..., height // 4 : height // 2, width // 3 :] = 1
    return image, mask


def lamas_output(state, blocks, image, mask):
    return Generator(state, blocks)(torch.cat([image * (1 - mask), mask], dim=1))


def fill(pipeline, image, mask):
    """What the pipeline decodes, before the known pixels are put back."""
    with torch.no_grad():
        return pipeline.autoencoder.decode(pipeline.refiner.refine(pipeline.condition(image, mask)))


@pytest.mark.parametrize(("ngf", "blocks", "ratio", "sizes"), CASES)
def test_pictures_are_lamas(ngf, blocks, ratio, sizes, tmp_path):
    state = random_state(ngf, blocks, ratio)
    pipeline = converted(tmp_path, state)
    for size in sizes:
        image, mask = damaged(*size)
        expected = lamas_output(state, blocks, image, mask)
        assert expected.std() > 0.03 and 0.001 < expected.mean() < 0.999  # neither flat nor saturated
        output = fill(pipeline, image, mask).double()
        worst = (output - expected).abs().amax(dim=(1, 2, 3))
        assert (worst < 1e-4).all(), (size, worst)
        filled = pipeline(image, mask)
        assert torch.equal(filled[mask.expand_as(image) == 0], image[mask.expand_as(image) == 0])
        assert (filled - expected)[mask.expand_as(image) == 1].abs().max() < 1e-4


def test_in_double_precision_the_two_are_one(tmp_path):
    state = small_state(8, 9, 0.75)
    image, mask = damaged(48, 56)
    output = fill(converted(tmp_path, state).double(), image.double(), mask.double())
    assert (output - lamas_output(state, 9, image, mask)).abs().max() < 1e-12


def test_more_channels_than_lama_makes(tmp_path):
    """LaMa stops at 1024 channels (here at 40): the last halving of ngf 8 then widens 32 to 40."""
    state = random_state(8, 2, 0.75, most=40)
    image, mask = damaged(32, 40)
    assert (fill(converted(tmp_path, state), image, mask) - lamas_output(state, 2, image, mask)).abs().max() < 1e-4


@pytest.mark.parametrize("size", [(8, 8), (8, 40), (48, 8)])
def test_sides_below_two_cells_are_reflected(size, tmp_path):
    """A side of one cell, which LaMa's borders cannot reflect, becomes 16 pixels by reflection and is cut again."""
    state = small_state(8, 2, 0.75)
    image, mask = damaged(*size)
    pipeline = converted(tmp_path, state)
    with torch.no_grad():
        latent = pipeline.autoencoder.encode(mask_out(image, mask), mask=mask)
    cells = torch.zeros_like(latent[:, :1])
    with pytest.raises(RuntimeError, match="[Pp]adding"):
        pipeline.refiner.refine(Condition(latent, cells, cells))
    margins = [(0, 0), (0, 0), *((0, max(0, 16 - side)) for side in size)]
    wider = (torch.from_numpy(np.pad(x.numpy(), margins, mode="reflect")) for x in (image, mask))
    expected = lamas_output(state, 2, *wider)[..., : size[0], : size[1]]
    inside = mask.expand_as(image) == 1
    assert (pipeline(image, mask) - expected)[inside].abs().max() < 1e-4


def test_the_reference_sees_what_is_easily_confused(tmp_path):
    """Each change is one that a wrong conversion could make; the pictures show it."""
    state = small_state(8, 2, 0.5)
    image, mask = damaged(32, 40)
    expected = lamas_output(state, 2, image, mask)
    place = "generator.model.5.conv1"
    changes = {
        "local and global swapped": {f"{place}.bn_l.bias": state[f"{place}.bn_g.bias"]},
        "real parts first": {
            f"{place}.ffc.convg2g.fu.conv_layer.weight": torch.cat(
                [state[f"{place}.ffc.convg2g.fu.conv_layer.weight"][:, part::2] for part in (0, 1)], dim=1
            )
        },
        "the mask first": {
            "generator.model.1.ffc.convl2l.weight": state["generator.model.1.ffc.convl2l.weight"].roll(1, dims=1)
        },
        "axes of a doubling": {
            "generator.model.8.weight": state["generator.model.8.weight"].flip(2),
        },
    }
    for name, change in changes.items():
        output = lamas_output({**state, **change}, 2, image, mask)
        assert (output - expected).abs().max() > 1e-3, name


def test_sizes_are_the_published_ones():
    """big-lama has 50.98 million parameters."""
    state = random_state(64, 18)
    learnt = (value for name, value in state.items() if name.endswith((".weight", ".bias")))
    assert sum(value.numel() for value in learnt) == pytest.approx(50.98e6, rel=1e-3)
