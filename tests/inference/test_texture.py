"""Patch-based texture, against pictures whose right output is known."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F

from latentinpaint.errors import InputError
from latentinpaint.inference import patch_match
from latentinpaint.inference.texture import PatchTexture


def box(height: int, width: int, top: int, left: int, tall: int, wide: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., top : top + tall, left : left + wide] = 1
    return mask


def periodic(height: int, width: int, period: int = 8) -> torch.Tensor:
    """(1, 3, H, W): one random tile, repeated."""
    tile = torch.rand(3, period, period, generator=torch.Generator().manual_seed(1))
    return tile.repeat(1, -(-height // period), -(-width // period))[None, :, :height, :width]


def blurred(image: torch.Tensor, reach: int) -> torch.Tensor:
    return F.avg_pool2d(F.pad(image, (reach,) * 4, mode="reflect"), 2 * reach + 1, 1)


@pytest.mark.parametrize("size", [(96, 120), (200, 130)])
def test_a_repeated_tile_is_continued_exactly(size):
    image, mask = periodic(*size), box(*size, 20, 24, 26, 31)
    fill = blurred(image, 8)
    output = PatchTexture()(image, fill, mask)
    hole = mask.expand_as(image) > 0.5
    assert (fill - image)[hole].abs().mean() > 0.15
    assert (output - image)[hole].abs().mean() < 1e-6


def primary(height: int, width: int, seed: int) -> torch.Tensor:
    """(1, 3, H, W): noise of the eight colours whose channels are 0 or 1."""
    return (torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) > 0.5).float()


def test_known_pixels_are_exact_and_the_rest_are_colours_of_the_picture():
    image = primary(70, 83, 2)
    image[:, 1] *= image[:, 0]  # green only with red: four of the eight colours occur
    image[:, 2] *= 1 - image[:, 0]
    mask = box(70, 83, 0, 30, 33, 53)
    output = PatchTexture()(image, torch.full_like(image, 0.4), mask)
    known = (mask < 0.5).expand_as(image)
    assert torch.equal(output[known], image[known])
    painted = output[0][:, mask[0, 0] > 0.5]
    assert (painted - painted.round()).abs().max() < 0.02
    colours = {tuple(colour) for colour in image[0][:, mask[0, 0] < 0.5].T.tolist()}
    assert {tuple(colour) for colour in painted.round().T.tolist()} == colours
    assert len(colours) == 4


def test_the_fill_says_what_goes_where():
    """Two halves of noise in two colours; the fill has the border between them elsewhere than the picture."""
    noise = 0.2 * torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    image = noise.clone()
    image[:, 0, :, :48] += 0.6
    image[:, 2, :, 48:] += 0.6
    fill = torch.full_like(image, 0.1)
    fill[:, 0, :, :60] += 0.6
    fill[:, 2, :, 60:] += 0.6
    mask = box(96, 96, 24, 28, 40, 40)
    output = PatchTexture(guidance=2.0)(image, fill, mask)
    red = output[0, 0] > output[0, 2]
    assert red[24:64, 28:56].float().mean() > 0.95
    assert (~red)[24:64, 64:68].float().mean() > 0.95
    assert output[0, 1, 24:64, 28:68].std() > 0.8 * noise[0, 1].std()


def test_contrast_keeps_an_average_from_finding_dull_places():
    """A dull place in a noisy picture of the same mean: without contrasts the average finds it everywhere."""
    image = 0.5 + 0.3 * (torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(4)) - 0.5)
    image[..., 8:24, 8:24] = 0.5
    mask, fill = box(128, 128, 60, 60, 44, 44), torch.full_like(image, 0.5)
    spread = {}
    for contrast in (0.0, 1.0):
        output = PatchTexture(contrast=contrast)(image, fill, mask)
        spread[contrast] = output[0, :, 64:100, 64:100].std().item()
    assert spread[1.0] > 0.4 * image[..., 40:, 40:].std()
    assert spread[0.0] < 0.5 * spread[1.0], spread


def test_what_stands_in_the_hole_is_not_looked_at():
    image, mask = periodic(64, 64), box(64, 64, 10, 10, 30, 20)
    fill = blurred(image, 6)
    other = torch.where(mask > 0.5, torch.nan, image)
    inside = mask.expand_as(image) > 0.5
    assert torch.equal(PatchTexture()(image, fill, mask)[inside], PatchTexture()(other, fill, mask)[inside])


def test_pictures_do_not_know_of_each_other():
    generator = torch.Generator().manual_seed(5)
    images, fills = (torch.rand(2, 3, 64, 72, generator=generator) for _ in range(2))
    masks = torch.cat([box(64, 72, 8, 8, 30, 20), box(64, 72, 20, 30, 25, 35)])
    together = PatchTexture()(images, fills, masks)
    for item in range(2):
        part = slice(item, item + 1)
        assert torch.equal(together[part], PatchTexture()(images[part], fills[part], masks[part]))


@pytest.mark.parametrize("mask", [torch.ones(1, 1, 64, 64), torch.zeros(1, 1, 64, 64), box(64, 64, 2, 2, 60, 60)])
def test_where_nothing_can_be_copied_the_fill_stays(mask):
    image, fill = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    assert torch.equal(PatchTexture()(image, fill, mask), torch.where(mask > 0.5, fill, image))


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (17, 1), (49, 97)])
def test_small_and_odd_sizes(size):
    image = torch.rand(1, 3, *size)
    mask = torch.zeros(1, 1, *size)
    mask[..., : size[0] // 2 + 1, : size[1] // 2 + 1] = 1
    output = PatchTexture()(image, torch.rand(1, 3, *size), mask)
    assert output.shape == image.shape and output.isfinite().all()


def test_the_local_search_comes_near_the_full_one(monkeypatch):
    """On a texture that is not periodic, painting with neighbours' and random trials is hardly worse."""
    noise = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(7))
    image = blurred(noise, 2)
    image = (image - image.min()) / (image.max() - image.min())
    mask, fill = box(128, 128, 40, 40, 30, 30), blurred(image, 7)
    full = PatchTexture()(image, fill, mask)
    monkeypatch.setattr(patch_match, "MAX_PAIRS", 10**6)  # the coarse level is still searched in full
    local = PatchTexture()(image, fill, mask)
    assert not torch.equal(full, local)

    def off(output: torch.Tensor) -> float:
        """How far the blurred output is from the guide in the hole."""
        return (blurred(output, 4) - blurred(fill, 4))[..., 44:66, 44:66].abs().mean().item()

    assert off(local) < 1.5 * off(full)


def test_a_mesh_over_everything_and_a_long_strip_stay_small():
    """No coarse level knows a patch here: comparing all with all would take gigabytes."""
    mesh = torch.zeros(1, 1, 400, 400)
    mesh[..., ::12, :] = mesh[..., :, ::12] = 1
    strip = box(90, 3000, 0, 500, 90, 1500)
    for mask in (mesh, strip):
        image = primary(*mask.shape[-2:], 8)
        output = PatchTexture(rounds=(1, 1, 1))(image, torch.full_like(image, 0.5), mask)
        hole = mask.expand_as(image) > 0.5
        assert torch.equal(output[~hole], image[~hole])
        assert output[hole].std() > 0.5 * image.std()


def test_any_number_of_threads_paints_the_same():
    image = blurred(torch.rand(1, 3, 96, 120, generator=torch.Generator().manual_seed(9)), 1)
    mask, fill = box(96, 120, 20, 30, 40, 50), blurred(image, 6)
    before = torch.get_num_threads()
    outputs = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            outputs.append(PatchTexture()(image, fill, mask))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(outputs[0], outputs[1]) and torch.equal(outputs[0], outputs[2])


def test_several_threads_of_a_program_paint_at_once():
    """As requests to a page do: every one gets what it gets alone."""
    images = [blurred(torch.rand(1, 3, 96, 90, generator=torch.Generator().manual_seed(n)), 1) for n in range(4)]
    mask = box(96, 90, 20, 30, 40, 30)
    alone = [PatchTexture()(image, blurred(image, 6), mask) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: PatchTexture()(image, blurred(image, 6), mask), images))
    assert all(map(torch.equal, alone, together))


def test_the_guidance_counts_less_where_the_fill_is_less_sure():
    """It is divided by the expected error, which has no unit, to a power; equal errors do not count at all."""
    noise = torch.rand(2, 3, 80, 90, generator=torch.Generator().manual_seed(3))
    image, fill = blurred(noise[:1], 1), blurred(noise[1:], 4)
    mask = box(80, 90, 24, 28, 30, 36)
    even = PatchTexture()(image, fill, mask)
    assert torch.equal(even, PatchTexture()(image, fill, mask, torch.full((1, 1, 80, 90), 7.0)))
    error = 1 + torch.rand(1, 1, 80, 90, generator=torch.Generator().manual_seed(4))
    uneven = PatchTexture()(image, fill, mask, error)
    assert not torch.equal(even, uneven)
    assert torch.equal(uneven, PatchTexture()(image, fill, mask, 4 * error))
    assert torch.equal(even, PatchTexture(certainty=0.0)(image, fill, mask, error))
    # A part of the hole is closer to the fill where that is surer there than elsewhere.
    rows = (slice(None), slice(None), slice(26, 36), slice(32, 60))
    distances = []
    for expected in (0.1, 10.0):
        error = torch.ones(1, 1, 80, 90)
        error[..., 24:38, :] = expected
        found = PatchTexture()(image, fill, mask, error)
        distances.append(float((blurred(found, 2) - blurred(fill, 2))[rows].abs().mean()))
    assert distances[0] < distances[1]


def test_weights_of_the_guidance():
    hole = torch.tensor([[True, True, True, False]])
    error = torch.tensor([[1.0, 2.0, 4.0, 8.0]])
    assert PatchTexture(certainty=2.0)._weight(error, hole).tolist() == [[4.0, 1.0, 0.25, 0.0625]]
    lowest = pytest.approx(0.05)
    assert PatchTexture(certainty=3.0)._weight(error, hole).tolist() == [[4.0, 1.0, 0.125, lowest]]
    assert PatchTexture()._weight(error, torch.zeros(1, 4, dtype=torch.bool)).tolist() == [[1.0] * 4]


def test_arguments_build_it_again():
    texture_of_two = PatchTexture(radius=2, contrast=0.25, rounds=(2, 2, 1), known_radius=0, filled=0.5)
    assert PatchTexture(**texture_of_two.arguments) == texture_of_two


def test_arguments_of_older_model_files_build_it():
    older = {"radius": 2, "guidance": 1.0, "contrast": 0.5, "depth": 3.0, "rounds": [8, 8, 4]}
    assert PatchTexture(**older).arguments.items() >= older.items()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"radius": 0}, "radius"),
        ({"guidance": -1}, "guidance"),
        ({"contrast": -0.1}, "contrast"),
        ({"depth": 0.5}, "depth"),
        ({"depth": float("nan")}, "depth"),
        ({"rounds": (1, 0, 1)}, "rounds"),
        ({"known_radius": -1}, "known"),
        ({"radius": 2, "known_radius": 3}, "known_radius .3. is larger than radius .2."),
        ({"filled": -0.1}, "filled"),
        ({"unknown": float("nan")}, "unknown"),
        ({"rounds": (1, 1)}, "rounds"),
    ],
    ids=str,
)
def test_values_out_of_range(wrong, message):
    with pytest.raises(InputError, match=message):
        PatchTexture(**wrong)
