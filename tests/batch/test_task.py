"""One picture from file to file: what is written, and what is told of it."""

import numpy as np
import pytest
from PIL import Image

from latentinpaint.batch.folder_plan import FillTask, FolderNames
from latentinpaint.batch.task import (
    Message,
    MessageCode,
    MessageLevel,
    TaskOptions,
    fill_files,
    try_fill_files,
)
from latentinpaint.errors import InputError
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.options import FillOptions

NO_MEMORY = "there is not enough memory for it: a smaller number of {} or {} needs less"


class Echo:
    """In place of an `Inpainter`: gives the picture back, and calls what warns of a refinement."""

    def fill(self, picture, mask, options):
        self.mask = mask
        self.options = options
        if options.refinement is not None:
            options.refinement.warn("scaled up")
        return [picture] * options.num_samples


class Failing:
    def __init__(self, error):
        self.error = error

    def fill(self, picture, mask, options):
        raise self.error


@pytest.fixture
def task(tmp_path):
    """A task of a picture of 20 x 24 pixels and its mask; a suffix for the output."""

    def make(suffix=".png", hole=True, size=(20, 24)):
        mask = np.zeros(size, np.uint8)
        mask[6:12, 7:15] = 255 * hole
        Image.fromarray(mask).save(tmp_path / "a_mask.png")
        pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "a.png")
        return FillTask(tmp_path / "a.png", tmp_path / "a_mask.png", (tmp_path / f"out{suffix}",))

    return make


def test_files(task):
    done = task()
    assert fill_files(Echo(), done, TaskOptions()) == []
    assert np.array_equal(np.asarray(Image.open(done.outputs[0])), np.asarray(Image.open(done.image)))


def test_a_picture_that_grows_needs_no_hole(task):
    inpainter = Echo()
    done = task(hole=False)
    fill_files(inpainter, done, TaskOptions(expand=(1, 2, 3, 4)))
    assert Image.open(done.outputs[0]).size == (24 + 4, 20 + 6)
    assert inpainter.mask.sum() == 28 * 26 - 24 * 20
    with pytest.raises(InputError, match="a_mask.png has no hole"):
        fill_files(inpainter, done, TaskOptions())


def test_sizes_have_to_be_equal(task):
    with pytest.raises(InputError, match="a_mask.png is 24x21 pixels, the picture .*a.png 24x20"):
        fill_files(Echo(), task(size=(21, 24)), TaskOptions())


def test_a_lossy_format_is_told(task):
    done = task(".jpg")
    (message,) = fill_files(Echo(), done, TaskOptions(quality=30))
    assert message.code is MessageCode.LOSSY_FORMAT and message.level is MessageLevel.NOTE
    assert str(message).startswith(f"note: {done.outputs[0]}: JPEG is lossy")
    assert "{output}" in message.text


@pytest.mark.parametrize("refine", [True, Refinement(2)])
def test_a_refinement_warns_in_a_message(task, refine):
    done = task()
    (message,) = fill_files(Echo(), done, TaskOptions(FillOptions(refine=refine)))
    assert str(message) == f"note: {done.image}: scaled up"


def test_a_refinement_that_warns_already_keeps_its_callback(task):
    warnings = []
    assert fill_files(Echo(), task(), TaskOptions(FillOptions(refine=Refinement(warn=warnings.append)))) == []
    assert warnings == ["scaled up"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InputError("no such thing"), "no such thing"),
        (MemoryError(), NO_MEMORY.format("--jobs", "crop")),
        (RuntimeError("CUDA out of memory: 3 GiB"), NO_MEMORY.format("--jobs", "crop")),
        (KeyError("a bug"), "it could not be filled (KeyError: 'a bug')"),
    ],
)
def test_whatever_goes_wrong_is_a_reason(task, error, reason):
    result = try_fill_files(Failing(error), task(), TaskOptions(folder_names=FolderNames(processes="--jobs")))
    assert result.reason == reason and not result.messages


def test_names_in_messages():
    names = (("image", "a.png"), ("mask", "m.png"), ("output", "o.png"))
    assert str(Message(MessageLevel.WARNING, "{mask} of {image}", names)) == "warning: m.png of a.png"
