"""One judgement for the doctor, files, arrays and benchmarks: what is called a problem is not filled."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint import Inpainter
from latentinpaint.batch.folder_plan import FillTask
from latentinpaint.batch.task import TaskOptions, fill_files
from latentinpaint.doctor import ArgumentNames, examine
from latentinpaint.doctor.findings import has_problem
from latentinpaint.doctor.refusal import check_pair
from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import dataset_from_folders
from latentinpaint.images.image_files import read_picture
from latentinpaint.inference.options import FillOptions

HEIGHT, WIDTH = 60, 80


@pytest.fixture(scope="module")
def inpainter(build_pipeline):
    return Inpainter(build_pipeline("ffc"))


def photo():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [120 + 80 * np.sin(x / 7), 130 + 90 * np.cos(y / 9), 110 + 80 * np.sin((x - 2 * y) / 11)]
    return np.stack(waves, -1).astype(np.uint8)


def erased():
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[20:40, 30:50] = 0
    return np.dstack([photo(), alpha])


def box(value=255, ground=0):
    mask = np.full((HEIGHT, WIDTH), ground, np.uint8)
    mask[20:40, 30:50] = value
    return mask


def unseen():
    return np.dstack([photo(), np.where(box() > 0, 255, 0).astype(np.uint8)])


# Picture, mask, and whether it is a problem.
PAIRS = {
    "a box": (photo, box, False),
    "an inverted mask": (photo, lambda: box(0, 255), False),
    "a soft mask": (
        photo,
        lambda: np.asarray(Image.fromarray(box()).resize((20, 15)).resize((WIDTH, HEIGHT))),
        False,
    ),
    "a mask in colours": (photo, lambda: np.repeat(box()[..., None], 3, axis=2), False),
    "all white": (photo, lambda: box(255, 255), True),
    "black, all of it": (photo, lambda: box(0, 0), True),
    "the photograph itself": (photo, photo, True),
    "the photograph with its object erased": (photo, erased, True),
    "swapped": (lambda: np.repeat(box()[..., None], 3, axis=2), photo, True),
    "of another size": (photo, lambda: box()[1:], True),
    "nothing seen but the hole": (unseen, box, True),
}


@pytest.fixture
def files(tmp_path):
    def make(name):
        image, mask, _ = PAIRS[name]
        for folder, pixels in (("in", image()), ("masks", mask())):
            (tmp_path / folder).mkdir()
            Image.fromarray(pixels).save(tmp_path / folder / "a.png")
        return FillTask(tmp_path / "in" / "a.png", tmp_path / "masks" / "a.png", (tmp_path / "out.png",))

    return make


@pytest.mark.parametrize("name", PAIRS)
def test_doctor_and_filling_agree(name, files, inpainter):
    task = files(name)
    is_problem = PAIRS[name][2]
    assert has_problem(examine(read_picture(task.image), read_picture(task.mask))) == is_problem
    dataset = dataset_from_folders(task.image.parent, task.mask.parent)
    image = Image.open(task.image)
    if not is_problem:
        fill_files(inpainter, task, TaskOptions())
        inpainter(image, Image.open(task.mask))
        assert len(list(dataset)) == 1
        return
    with pytest.raises(InputError):
        fill_files(inpainter, task, TaskOptions())
    assert not task.outputs[0].exists()
    with pytest.raises(InputError):
        list(dataset)
    if name == "black, all of it":  # from Python nothing is filled, as is documented
        np.testing.assert_array_equal(inpainter(image, Image.open(task.mask)), image)
        return
    with pytest.raises(InputError):
        inpainter(image, Image.open(task.mask))


@pytest.mark.parametrize("name", ["all white", "the photograph with its object erased", "nothing seen but the hole"])
def test_whoever_insists_gets_it(name, files, inpainter):
    task = files(name)
    fill_files(inpainter, task, TaskOptions(FillOptions(ignore_problems=True)))
    before, after = (np.asarray(Image.open(path)) for path in (task.image, task.outputs[0]))
    hole = np.asarray(inpainter(Image.open(task.image), Image.open(task.mask), ignore_problems=True)) != before
    assert np.array_equal(after != before, hole) and hole.any()


def test_the_message_offers_the_callers_argument():
    pair = [read_of(PAIRS["all white"][number]()) for number in (0, 1)]
    with pytest.raises(InputError, match="--anyway to fill"):
        check_pair(*pair, names=ArgumentNames(ignore_problems="--anyway"))
    with pytest.raises(InputError) as caught:
        check_pair(*pair, names=ArgumentNames(ignore_problems=""))
    assert "all the same" not in str(caught.value)


def read_of(pixels):
    from latentinpaint.images.picture import Picture

    return Picture.from_pil(Image.fromarray(pixels))


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_arrays_and_tensors_are_judged_too(kind, inpainter):
    grey = kind(np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8))
    for mask in (grey, kind(np.ones((HEIGHT, WIDTH), bool)), kind(np.full((HEIGHT, WIDTH), 255, np.uint8))):
        with pytest.raises(InputError):
            inpainter(photo(), mask)
    inpainter(photo(), kind(box() > 0))


@pytest.mark.parametrize("ignore_problems", [False, True])
def test_samples_that_a_dilated_hole_hides_may_be_anything(tmp_path, inpainter, ignore_problems):
    samples = photo()[..., 0].astype(np.float32)
    samples[19:41, 29:51] = np.nan
    task = FillTask(tmp_path / "in.tif", tmp_path / "mask.png", (tmp_path / "out.tif",))
    Image.fromarray(samples).save(task.image)
    Image.fromarray(box()).save(task.mask)
    options = FillOptions(dilate=2, ignore_problems=ignore_problems)
    filled = inpainter(samples, box(), dilate=2, ignore_problems=ignore_problems)
    assert np.isfinite(filled).all()
    fill_files(inpainter, task, TaskOptions(options))
    np.testing.assert_array_equal(np.asarray(Image.open(task.outputs[0])), filled)
    with pytest.raises(InputError, match="not finite"):
        inpainter(samples, box(), ignore_problems=ignore_problems)


def test_a_mask_is_judged_in_the_frame_of_its_photo(tmp_path, inpainter):
    """The stored upper half is opaque; by orientation 3 it is the lower one of the upright photo."""
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[: HEIGHT // 2] = 255
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(np.dstack([photo(), alpha])).save(tmp_path / "a.png", exif=exif)
    lower = np.zeros((HEIGHT, WIDTH), bool)
    lower[HEIGHT // 2 :] = True
    inpainter(Image.open(tmp_path / "a.png"), lower)
    with pytest.raises(InputError, match="transparent outside the hole.*ignore_problems=True"):
        inpainter(Image.open(tmp_path / "a.png"), ~lower)


@pytest.mark.parametrize("name", ["all white", "the photograph with its object erased"])
def test_expanding_judges_its_mask_too(name, inpainter):
    image, mask = (Image.fromarray(PAIRS[name][number]()) for number in (0, 1))
    with pytest.raises(InputError, match="ignore_problems=True"):
        inpainter.expand(image, 4, mask)
    inpainter.expand(image, 4, mask, ignore_problems=True)
