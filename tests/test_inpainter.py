"""The Inpainter: any kind of picture in, the same kind out, everything outside the hole untouched."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from latentinpaint import Inpainter
from latentinpaint.errors import InputError
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.refiners import REFINERS

HEIGHT, WIDTH = 21, 30
MODES = ["RGB", "L", "RGBA", "LA", "P", "1"]
ARRAYS = [(HEIGHT, WIDTH), (HEIGHT, WIDTH, 1), (HEIGHT, WIDTH, 3), (HEIGHT, WIDTH, 4)]
TENSORS = [(3, HEIGHT, WIDTH), (1, 3, HEIGHT, WIDTH), (2, 3, HEIGHT, WIDTH)]


@pytest.fixture(scope="module")
def inpainters(build_pipeline):
    return {name: Inpainter(build_pipeline(name), "cpu") for name in REFINERS}


@pytest.fixture
def inpainter(inpainters):
    return inpainters["ffc"]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def hole():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:16, 8:] = True
    mask[0, 3] = True
    return mask


def pil(mode, seed=0):
    """A picture of noise, so that hardly any sample of a hole can stay as it was."""
    if mode == "1":
        return Image.fromarray(noise(HEIGHT, WIDTH, seed=seed) > 127)
    if mode == "P":
        image = Image.fromarray(noise(HEIGHT, WIDTH, seed=seed) % 40).convert("L")
        indexed = Image.frombytes("P", image.size, image.tobytes())
        indexed.putpalette(noise(40, 3, seed=seed + 1).tobytes())
        return indexed
    channels = len(Image.new(mode, (1, 1)).getbands())
    return Image.fromarray(noise(HEIGHT, WIDTH, channels, seed=seed).squeeze(), mode=mode)


def seen(image):
    """What a person sees, (H, W, C): palettes resolved."""
    array = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    return array.reshape(*array.shape[:2], -1)


# Kinds of picture -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("refiner", REFINERS)
@pytest.mark.parametrize("mode", MODES)
def test_pillow_pictures(inpainters, refiner, mode):
    image = pil(mode)
    before = seen(image).copy()
    result = inpainters[refiner](image, hole())
    assert isinstance(result, Image.Image) and result.mode == mode and result.size == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(seen(result)[~hole()], before[~hole()])
    changed = (seen(result)[hole()] != before[hole()]).mean()
    assert changed > (0.2 if mode == "1" else 0.45)
    if mode == "P":
        np.testing.assert_array_equal(np.asarray(result)[~hole()], np.asarray(image)[~hole()])
    np.testing.assert_array_equal(seen(image), before)  # the caller's picture stays


@pytest.mark.parametrize("refiner", REFINERS)
@pytest.mark.parametrize("shape", ARRAYS, ids=str)
def test_arrays(inpainters, refiner, shape):
    image = noise(*shape)
    before = image.copy()
    result = inpainters[refiner](image, hole())
    assert isinstance(result, np.ndarray) and result.dtype == np.uint8 and result.shape == shape
    np.testing.assert_array_equal(result[~hole()], image[~hole()])
    colours = result.reshape(HEIGHT, WIDTH, -1)[..., :3] != image.reshape(HEIGHT, WIDTH, -1)[..., :3]
    assert colours[hole()].mean() > 0.9
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("alpha", [255, 90, 0])
@pytest.mark.parametrize("refiner", REFINERS)
def test_alpha_that_is_the_same_around_the_hole_goes_on_in_it(inpainters, refiner, alpha):
    """Whatever the hole held, as where an object was erased to transparency; margins go on too."""
    image = noise(HEIGHT, WIDTH, 4)
    image[..., 3] = alpha
    image[hole(), 3] = noise(int(hole().sum()), seed=1)
    result = inpainters[refiner].samples(image, hole(), 2, ignore_problems=True)
    for sample in result:
        np.testing.assert_array_equal(sample[..., 3], alpha)
        np.testing.assert_array_equal(sample[~hole()], image[~hole()])
    image[..., 3] = alpha
    np.testing.assert_array_equal(inpainters[refiner].expand(image, 3)[..., 3], alpha)


@pytest.mark.parametrize("how", [{}, {"dilate": 3}, {"dilate": 3, "feather": 3}, {"refine": True}, {"texture": True}])
@pytest.mark.parametrize("refiner", REFINERS)
def test_hidden_colours_have_no_influence(inpainters, refiner, how):
    """Two pictures that look the same and differ under alpha 0 alone, by all there is: one fill."""
    image = noise(HEIGHT, WIDTH, 4)
    image[..., 3] = np.where(np.arange(WIDTH) < 15, 0, 200)
    other = image.copy()
    other[..., :3][image[..., 3] == 0] = 255 - other[..., :3][image[..., 3] == 0]
    wide = disc_around(small_hole(), how.get("dilate", 0))
    answers = [inpainters[refiner](each, small_hole(), **how) for each in (image, other)]
    np.testing.assert_array_equal(answers[0][wide], answers[1][wide])
    np.testing.assert_array_equal(answers[1][~wide], other[~wide])
    grown = [inpainters[refiner].expand(each, 4) for each in (image, other)]
    margin = np.pad(np.zeros((HEIGHT, WIDTH), bool), 4, constant_values=True)
    np.testing.assert_array_equal(grown[0][margin], grown[1][margin])


@pytest.mark.parametrize("refiner", REFINERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("shape", TENSORS, ids=str)
def test_tensors(inpainters, refiner, shape, dtype):
    image = torch.rand(shape, dtype=torch.float64).to(dtype)
    before = image.clone()
    result = inpainters[refiner](image, hole())
    assert isinstance(result, torch.Tensor) and result.shape == shape and result.dtype == dtype
    mask = torch.from_numpy(hole())
    assert torch.equal(result[..., ~mask], image[..., ~mask])
    assert (result[..., mask] != image[..., mask]).double().mean() > 0.9
    assert result.min() >= 0 and result.max() <= 1
    assert torch.equal(image, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_floats(inpainters, dtype):
    """They are filled like the tensor of the same numbers, margins and all."""
    image = np.random.default_rng(0).random((HEIGHT, WIDTH, 3)).astype(dtype)
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    for inpainter in inpainters.values():
        for ours, theirs in (
            (inpainter(image, hole()), inpainter(tensor, hole())),
            (inpainter.expand(image, (1, 2, 3, 4), hole()), inpainter.expand(tensor, (1, 2, 3, 4), hole())),
        ):
            assert ours.dtype == dtype
            np.testing.assert_allclose(ours, theirs.permute(1, 2, 0).numpy(), atol=1e-3)
        np.testing.assert_array_equal(inpainter(image, hole())[~hole()], image[~hole()])
        grown = inpainter.expand(image, (1, 2, 3, 4), hole())
        np.testing.assert_array_equal(grown[2:-4, 1:-3][~hole()], image[~hole()])


def test_the_kinds_agree(inpainter):
    """One picture as Pillow image, array and tensor: one fill, to rounding."""
    array = noise(HEIGHT, WIDTH, 3)
    from_array = inpainter(array, hole())
    from_pil = np.asarray(inpainter(Image.fromarray(array), hole()))
    tensor = torch.from_numpy(array).permute(2, 0, 1) / 255
    from_tensor = inpainter(tensor, hole()).permute(1, 2, 0).numpy() * 255
    np.testing.assert_array_equal(from_array, from_pil)
    np.testing.assert_allclose(from_array, from_tensor, atol=0.5 + 1e-3)


def test_a_batch_is_its_pictures(inpainters):
    images = torch.rand(3, 3, HEIGHT, WIDTH)
    masks = torch.from_numpy(np.stack([hole(), hole()[::-1], np.zeros_like(hole())]))[:, None]
    for inpainter in inpainters.values():
        together = inpainter(images, masks, seed=4)
        for row in range(3):
            torch.testing.assert_close(inpainter(images[row], masks[row], seed=4), together[row], atol=1e-5, rtol=0)
        assert torch.equal(together[2], images[2])


# Kinds of mask --------------------------------------------------------------------------------------------

MASKS = {
    "bool array": lambda m: m,
    "0/1 array": lambda m: m.astype(np.uint8),
    "0/255 array": lambda m: m.astype(np.uint8) * 255,
    "0/1 int64": lambda m: m.astype(np.int64),
    "float array": lambda m: m.astype(np.float32),
    "soft array": lambda m: np.where(m, 0.6, 0.4),
    "grey array": lambda m: np.where(m, 128, 127).astype(np.uint8),
    "(H, W, 1)": lambda m: m[..., None],
    "Pillow L": lambda m: Image.fromarray(m.astype(np.uint8) * 255),
    "Pillow 1": lambda m: Image.fromarray(m),
    "Pillow RGB": lambda m: Image.fromarray(m.astype(np.uint8) * 255).convert("RGB"),
    "bool tensor": lambda m: torch.from_numpy(m),
    "float tensor": lambda m: torch.from_numpy(m).float()[None],
    "(1, 1, H, W)": lambda m: torch.from_numpy(m).float()[None, None],
    "0/255 tensor": lambda m: torch.from_numpy(m).to(torch.uint8) * 255,
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks(inpainter, kind):
    array, tensor = noise(HEIGHT, WIDTH, 3), torch.rand(3, HEIGHT, WIDTH)
    np.testing.assert_array_equal(inpainter(array, MASKS[kind](hole())), inpainter(array, hole()))
    assert torch.equal(inpainter(tensor, MASKS[kind](hole())), inpainter(tensor, hole()))


def photo_of(suffix, orientation, folder):
    """A photo that states an EXIF orientation, opened from a file."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = folder / f"photo{suffix}"
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(path, exif=exif.tobytes())
    return Image.open(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_an_array_mask_is_for_the_samples_as_stored(suffix, orientation, inpainter, tmp_path):
    """Whatever viewers show: the result is equal to `numpy.asarray` of the photo outside of the mask."""
    stored = np.asarray(photo_of(suffix, orientation, tmp_path))
    mask = np.zeros(stored.shape[:2], bool)
    mask[2:9, 1:12] = True
    for result in (
        inpainter(photo_of(suffix, orientation, tmp_path), mask),
        inpainter([photo_of(suffix, orientation, tmp_path)], [torch.from_numpy(mask)])[0],
    ):
        assert result.size == stored.shape[1::-1]
        np.testing.assert_array_equal(np.asarray(result)[~mask], stored[~mask])
        assert (np.asarray(result)[mask] != stored[mask]).any(-1).mean() > 0.9
        assert result.getexif().get(0x0112, 1) == (1 if suffix == ".tif" else orientation)
    shown = np.asarray(ImageOps.exif_transpose(photo_of(suffix, orientation, tmp_path)))
    mask = np.zeros(shown.shape[:2], np.uint8)
    mask[2:9, 1:12] = 255
    result = inpainter(photo_of(suffix, orientation, tmp_path), Image.fromarray(mask))
    np.testing.assert_array_equal(np.asarray(result)[mask == 0], shown[mask == 0])


@pytest.mark.parametrize("orientation", [3, 6])
def test_expanding_a_photo_with_an_orientation(orientation, inpainter, tmp_path):
    """Sides are those of what is shown; the result has the frame of its mask."""
    photo = photo_of(".png", orientation, tmp_path)
    stored, shown = np.asarray(photo), np.asarray(ImageOps.exif_transpose(photo))
    height, width = shown.shape[:2]
    result = np.asarray(inpainter.expand(photo, (2, 3, 0, 0)))
    np.testing.assert_array_equal(result[3:, 2:], shown)
    result = inpainter.expand(photo, (2, 3, 0, 0), np.zeros(stored.shape[:2], bool))
    assert result.getexif()[0x0112] == orientation
    np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(result))[3:, 2:], shown)
    assert ImageOps.exif_transpose(result).size == (width + 2, height + 3)


@pytest.mark.parametrize("kind", MASKS)
def test_an_empty_mask_gives_the_picture_back(inpainters, kind):
    empty = MASKS[kind](np.zeros((HEIGHT, WIDTH), bool))
    if kind in ("soft array", "grey array"):
        assert empty.min() == empty.max() > 0  # all below a half
    for inpainter in inpainters.values():
        array, tensor = noise(HEIGHT, WIDTH, 4), torch.rand(2, 3, HEIGHT, WIDTH)
        np.testing.assert_array_equal(inpainter(array, empty), array)
        assert torch.equal(inpainter(tensor, empty), tensor)
        answers = inpainter.samples(pil("P"), empty, 2)
        assert len(answers) == 2
        for answer in answers:
            np.testing.assert_array_equal(np.asarray(answer), np.asarray(pil("P")))
            assert answer.getpalette() == pil("P").getpalette()


def test_a_full_mask(inpainters):
    full = np.ones((HEIGHT, WIDTH), bool)
    for inpainter in inpainters.values():
        one, other = (inpainter(noise(HEIGHT, WIDTH, 3, seed=seed), full, ignore_problems=True) for seed in (0, 1))
        np.testing.assert_array_equal(one, other)  # nothing of the picture is known


# Samples, seeds, steps ------------------------------------------------------------------------------------

IMAGES = {
    "Pillow": lambda: pil("RGB"),
    "array": lambda: noise(HEIGHT, WIDTH, 3),
    "tensor": lambda: torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)),
    "batch": lambda: torch.rand(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)),
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("refiner", REFINERS)
def test_many_samples(inpainters, refiner, kind):
    image, inpainter = IMAGES[kind](), inpainters[refiner]
    answers = inpainter.samples(image, hole(), 3, seed=2)
    assert isinstance(answers, list) and len(answers) == 3
    assert all(type(answer) is type(image) and np.shape(answer) == np.shape(image) for answer in answers)
    numbers = [np.asarray(answer) for answer in answers]
    different = not np.array_equal(numbers[0], numbers[1]) and not np.array_equal(numbers[1], numbers[2])
    assert different == inpainter.pipeline.refiner.stochastic
    alone = np.asarray(inpainter(image, hole(), seed=2)).astype(float)
    np.testing.assert_allclose(numbers[0].astype(float), alone, atol=1 if numbers[0].dtype == np.uint8 else 1e-5)


@pytest.mark.parametrize("refiner", REFINERS)
def test_a_model_with_one_fill_warns_once_of_equal_samples(build_pipeline, refiner):
    inpainter, image = Inpainter(build_pipeline(refiner), "cpu"), noise(HEIGHT, WIDTH, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inpainter.samples(image, hole(), 1)
        inpainter.samples(image, hole(), 2)
        inpainter.expand_samples(image, 3, 2)
    expected = [] if inpainter.pipeline.refiner.stochastic else [(__file__, "this model has one fill for a hole")]
    assert [(found.filename, str(found.message).split(":")[0]) for found in caught] == expected


@pytest.mark.parametrize("refiner", REFINERS)
def test_seeds_and_steps(inpainters, refiner):
    inpainter, image = inpainters[refiner], noise(HEIGHT, WIDTH, 3)
    first, same, other, finer = (
        inpainter(image, hole(), **options) for options in ({}, dict(seed=0), dict(seed=1), dict(steps=9))
    )
    stochastic = inpainter.pipeline.refiner.stochastic
    np.testing.assert_array_equal(first, same)
    assert np.array_equal(first, other) != stochastic
    assert np.array_equal(first, finer) == (refiner != "flow")


def test_the_global_seed_does_not_matter(inpainters):
    image = noise(HEIGHT, WIDTH, 3)
    torch.manual_seed(1)
    first = inpainters["flow"](image, hole())
    torch.manual_seed(2)
    np.testing.assert_array_equal(inpainters["flow"](image, hole()), first)


# Large pictures -------------------------------------------------------------------------------------------

LARGE = (400, 640)


def far_holes():
    """Two small holes in opposite corners."""
    mask = np.zeros(LARGE, bool)
    mask[20:32, 30:50] = True
    mask[370:390, 600:630] = True
    return mask


@pytest.mark.parametrize("refiner", REFINERS)
def test_windows_are_filled_by_themselves(inpainters, refiner):
    """Each part as if it were the picture, the first with the seed itself; by hand."""
    inpainter, image, mask = inpainters[refiner], torch.rand(3, *LARGE), torch.from_numpy(far_holes())
    filled = inpainter(image, mask, seed=3, crop=64)
    parts = [np.s_[..., 0:144, 0:152], np.s_[..., 248:400, 480:640]]
    alone = inpainter(image[parts[0]], mask[parts[0]], seed=3, crop=None)
    assert torch.equal(filled[parts[0]], alone)
    other = inpainter(image[parts[1]], mask[parts[1]], seed=3, crop=None)
    assert torch.equal(filled[parts[1]], other) != inpainter.pipeline.refiner.stochastic  # noise of its own
    assert torch.equal(filled[:, ~mask], image[:, ~mask])
    assert torch.equal(filled, inpainter(image, mask, seed=3, crop=64))
    assert torch.equal(filled, inpainter(image, mask, seed=4, crop=64)) != inpainter.pipeline.refiner.stochastic


def test_windows_of_all_seeds_have_their_own_noise(inpainters):
    """Two equal windows differ, and the second is not the first one of another seed."""
    half = noise(96, 96, 3)
    image = np.concatenate([half, half], axis=1)
    mask = np.zeros((96, 192), bool)
    mask[40:56, 40:56] = mask[40:56, 136:152] = True
    fills = [inpainters["flow"](image, mask, seed=seed, crop=8) for seed in range(4)]
    first, second = ([fill[40:56, at : at + 16].tobytes() for fill in fills] for at in (40, 136))
    assert len({*first, *second}) == 8


def test_what_is_far_away_counts_only_without_windows(inpainter):
    one = torch.rand(3, *LARGE)
    other = one.clone()
    other[:, 150:250, 250:350] = 0
    mask = torch.from_numpy(far_holes())
    one_fill, other_fill = (inpainter(image, mask, crop=64)[:, mask] for image in (one, other))
    assert torch.equal(one_fill, other_fill)
    one_fill, other_fill = (inpainter(image, mask, crop=None)[:, mask] for image in (one, other))
    assert not torch.equal(one_fill, other_fill)


def test_every_picture_of_a_batch_has_its_windows(inpainters):
    images = torch.rand(3, 3, *LARGE)
    wide = np.zeros(LARGE, bool)
    wide[50:350, 50:600] = True
    masks = torch.from_numpy(np.stack([far_holes(), wide, np.zeros(LARGE, bool)]))[:, None]
    for inpainter in inpainters.values():
        together = inpainter.samples(images, masks, 2, seed=4)
        for row in range(3):
            for k, alone in enumerate(inpainter.samples(images[row], masks[row], 2, seed=4)):
                torch.testing.assert_close(alone, together[k][row], atol=1e-5, rtol=0)
        assert torch.equal(together[1][2], images[2])


@pytest.mark.parametrize("refiner", REFINERS)
def test_refining_within_windows(inpainters, refiner):
    inpainter, image, mask = inpainters[refiner], torch.rand(3, *LARGE), torch.from_numpy(far_holes())
    how = Refinement(iterations=2, smallest_side=48)
    filled = inpainter(image, mask, refine=how, crop=64)
    part = np.s_[..., 0:144, 0:152]
    assert torch.equal(filled[part], inpainter(image[part], mask[part], refine=how, crop=None))
    assert not torch.equal(filled[part], inpainter(image, mask, crop=64)[part])
    assert torch.equal(filled[:, ~mask], image[:, ~mask])


# What cannot be used --------------------------------------------------------------------------------------

MISTAKES = {
    "mask of another size": (lambda: noise(HEIGHT, WIDTH, 3), lambda: np.ones((HEIGHT, WIDTH + 1), bool), {}),
    "turned mask": (lambda: noise(HEIGHT, WIDTH, 3), lambda: hole().T, {}),
    "turned mask, tensor": (lambda: torch.rand(3, HEIGHT, WIDTH), lambda: torch.from_numpy(hole().T.copy()), {}),
    "mask of another size, Pillow": (lambda: pil("RGB"), lambda: Image.new("L", (HEIGHT, WIDTH)), {}),
    "masks for other pictures": (lambda: torch.rand(3, 3, 4, 4), lambda: torch.ones(2, 1, 4, 4), {}),
    "mask of colours": (lambda: noise(HEIGHT, WIDTH, 3), lambda: noise(HEIGHT, WIDTH, 3), {}),
    "mask of colours, tensor": (lambda: torch.rand(3, 4, 4), lambda: torch.ones(1, 3, 4, 4), {}),
    "mask of one dimension": (lambda: noise(HEIGHT, WIDTH, 3), lambda: np.ones(WIDTH, bool), {}),
    "no steps": (lambda: noise(HEIGHT, WIDTH, 3), hole, dict(steps=0)),
    "no steps, empty mask": (lambda: pil("L"), lambda: np.zeros((HEIGHT, WIDTH), bool), dict(steps=0)),
    "context below nothing": (lambda: noise(HEIGHT, WIDTH, 3), hole, dict(crop=-1)),
    "an unknown crop": (lambda: noise(HEIGHT, WIDTH, 3), hole, dict(crop="tight")),
    "a no for refining": (lambda: noise(HEIGHT, WIDTH, 3), hole, dict(refine="no")),
    "a yes for a crop": (lambda: noise(HEIGHT, WIDTH, 3), hole, dict(crop=True)),
    "a file name": (lambda: "photo.png", hole, {}),
    "a list": (lambda: [[0, 1], [1, 0]], hole, {}),
    "a mask's file name": (lambda: noise(HEIGHT, WIDTH, 3), lambda: "mask.png", {}),
    "no mask": (lambda: torch.rand(3, HEIGHT, WIDTH), lambda: None, {}),
    "array of floats to 255": (lambda: 255 * np.random.rand(HEIGHT, WIDTH, 3), hole, {}),
    "array of 64-bit integers": (lambda: np.zeros((HEIGHT, WIDTH), np.int64), hole, {}),
    "array of two channels": (lambda: noise(HEIGHT, WIDTH, 2), hole, {}),
    "array of one dimension": (lambda: noise(WIDTH), hole, {}),
    "a batch of arrays": (lambda: noise(2, HEIGHT, WIDTH, 3), hole, {}),
    "tensor of integers": (lambda: torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8), hole, {}),
    "grey tensor": (lambda: torch.rand(1, HEIGHT, WIDTH), hole, {}),
    "tensor of two dimensions": (lambda: torch.rand(HEIGHT, WIDTH), hole, {}),
    "not a number outside the hole": (lambda: torch.full((3, HEIGHT, WIDTH), torch.nan), hole, {}),
    "no pixels": (lambda: np.zeros((0, 5, 3), np.uint8), lambda: np.zeros((0, 5), bool), {}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("refiner", REFINERS)
def test_mistakes(inpainters, refiner, mistake):
    image, mask, options = MISTAKES[mistake]
    with pytest.raises(InputError) as error:
        inpainters[refiner](image(), mask(), **options)
    assert "\n" not in str(error.value) and len(str(error.value)) > 15


# Wider holes ------------------------------------------------------------------------------------------------


def disc_around(mask, radius):
    """All pixels within `radius` of the mask, one shift at a time."""
    wide = np.zeros_like(mask)
    padded = np.pad(mask, radius)
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            if down**2 + right**2 <= radius**2:
                rows, columns = radius + down, radius + right
                wide |= padded[rows : rows + mask.shape[0], columns : columns + mask.shape[1]]
    return wide


def small_hole():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:13, 12:19] = True
    return mask


@pytest.mark.parametrize("refiner", REFINERS)
def test_a_dilated_hole_is_that_hole(inpainters, refiner):
    image = noise(HEIGHT, WIDTH, 3)
    wide = disc_around(small_hole(), 3)
    dilated = inpainters[refiner](image, small_hole(), dilate=3)
    np.testing.assert_array_equal(dilated, inpainters[refiner](image, wide))
    assert (dilated != image)[wide].mean() > 0.9


@pytest.mark.parametrize("mode", MODES)
def test_feathering_keeps_what_is_known(inpainter, mode):
    image, wide = pil(mode), disc_around(small_hole(), 4)
    soft = inpainter(image, small_hole(), dilate=4, feather=2)
    before, after, hard = seen(image), seen(soft), seen(inpainter(image, wide))
    np.testing.assert_array_equal(after[~wide], before[~wide])
    if mode == "P":
        return  # colours of a palette are chosen for the whole hole
    inner = disc_around(small_hole(), 2)
    np.testing.assert_array_equal(after[inner], hard[inner])
    if mode != "1":
        low, high = np.minimum(before, hard).astype(int) - 1, np.maximum(before, hard).astype(int) + 1
        assert ((low <= after) & (after <= high)).all()
        ring = wide & ~inner
        assert (after[ring] != hard[ring]).mean() > 0.4


def test_the_kinds_agree_on_soft_holes(inpainter):
    array = noise(HEIGHT, WIDTH, 3)
    tensor = (torch.from_numpy(array).permute(2, 0, 1) / 255).double()
    from_array = inpainter(array, small_hole(), feather=3)
    tensor[:, 10, 15] = torch.nan  # painted over: without influence
    from_tensor = inpainter(tensor, small_hole(), feather=3)
    wide = disc_around(small_hole(), 3)
    assert torch.equal(from_tensor[:, ~torch.from_numpy(wide)], tensor[:, ~torch.from_numpy(wide)])
    np.testing.assert_allclose(from_array, from_tensor.permute(1, 2, 0).numpy() * 255, atol=0.5 + 1e-3)
    assert from_tensor.dtype == torch.float64


def test_what_is_mixed_has_to_be_a_picture(inpainter):
    tensor = torch.rand(3, HEIGHT, WIDTH)
    tensor[:, 7, 15] = torch.nan  # in the ring
    inpainter(tensor, small_hole(), dilate=3)
    with pytest.raises(InputError, match="nan"):
        inpainter(tensor, small_hole(), feather=3)


def test_an_empty_mask_stays_empty(inpainter):
    image = noise(HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(inpainter(image, small_hole() & False, dilate=5, feather=3), image)


@pytest.mark.parametrize("how", [{"dilate": -1}, {"feather": 1.5}, {"dilate": 2, "feather": 3}])
def test_wrong_widening(inpainter, how):
    with pytest.raises(InputError, match="dilate|feather"):
        inpainter(noise(HEIGHT, WIDTH, 3), hole(), **how)


# Outpainting ------------------------------------------------------------------------------------------------


def within(array, left, top, right, bottom):
    return array[top : array.shape[0] - bottom, left : array.shape[1] - right]


@pytest.mark.parametrize("refiner", REFINERS)
@pytest.mark.parametrize("mode", MODES)
def test_expanding_pillow_pictures(inpainters, refiner, mode):
    image, sides = pil(mode), (5, 0, 30, 9)
    grown = inpainters[refiner].expand(image, sides)
    assert grown.mode == mode and grown.size == (WIDTH + 35, HEIGHT + 9)
    np.testing.assert_array_equal(within(seen(grown), *sides), seen(image))
    new = np.ones(grown.size[::-1], bool)
    new[:HEIGHT, 5 : 5 + WIDTH] = False
    colours = seen(grown)[..., : {"LA": 1}.get(mode, 3)][new]
    assert len(np.unique(colours)) > 1  # something was filled in


@pytest.mark.parametrize("shape", ARRAYS, ids=str)
def test_expanding_arrays(inpainter, shape):
    image = noise(*shape)
    grown = inpainter.expand(image, ("10%", 4, 0, "50%"))  # 3 of 30 and 11 of 21
    assert grown.shape == (HEIGHT + 15, WIDTH + 3, *shape[2:]) and grown.dtype == np.uint8
    np.testing.assert_array_equal(within(grown, 3, 4, 0, 11), image)


@pytest.mark.parametrize("shape", TENSORS, ids=str)
def test_expanding_tensors(inpainter, shape):
    image = torch.rand(shape, dtype=torch.float64)
    grown = inpainter.expand(image, 6)
    assert grown.shape == (*shape[:-2], HEIGHT + 12, WIDTH + 12) and grown.dtype == image.dtype
    assert torch.equal(grown[..., 6:-6, 6:-6], image)


def test_expanding_is_filling_the_margin(inpainters):
    """As with the same picture pasted on a larger one whose border is the hole."""
    image, mask = noise(HEIGHT, WIDTH, 3), small_hole()
    board = np.full((HEIGHT + 7, WIDTH + 12, 3), 77, np.uint8)
    board[7:, 8:-4] = image
    border = np.ones(board.shape[:2], bool)
    border[7:, 8:-4] = mask
    for inpainter in inpainters.values():
        grown = inpainter.expand_samples(image, (8, 7, 4, 0), 2, mask, seed=3)
        assert len(grown) == 2
        for one, other in zip(grown, inpainter.samples(board, border, 2, seed=3), strict=True):
            np.testing.assert_array_equal(one, other)


def test_expanding_by_too_much_or_nothing(inpainter):
    for sides in ((0, 0, 0, 0), (0, HEIGHT + 1, 0, 0), "much"):
        with pytest.raises(InputError):
            inpainter.expand(noise(HEIGHT, WIDTH, 3), sides)
    with pytest.raises(InputError, match="have to be equal"):
        inpainter.expand(noise(HEIGHT, WIDTH, 3), 2, np.zeros((HEIGHT + 4, WIDTH + 4), bool))
