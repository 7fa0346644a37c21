"""What is seen in a mask and its picture: every finding where it should be, and none just below its threshold."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from latentinpaint.data.masks import mask_preset
from latentinpaint.doctor import ArgumentNames, FindingCode, examine
from latentinpaint.images.image_files import Picture

SIDE = 120


def kinds(mask, image=None, invert=False, severity=None):
    """Kinds of findings of Pillow images or arrays of bool."""
    found = examine(None if image is None else picture_of(image, "photo"), picture_of(mask, "mask"), invert)
    return {f.code.value for f in found if severity in (None, f.severity.value)}


def picture_of(image, name):
    return Picture.from_pil(white(image) if isinstance(image, np.ndarray) else image, name)


def white(hole):
    return Image.fromarray(hole.astype(np.uint8) * 255)


def box(top=30, bottom=70, left=20, right=60, height=SIDE, width=SIDE):
    hole = np.zeros((height, width), bool)
    hole[top:bottom, left:right] = True
    return hole


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


@pytest.fixture(scope="module")
def photo(helpers):
    return Image.fromarray(helpers.smooth(SIDE, SIDE))


def test_a_clean_mask_has_its_hole_noted_and_nothing_else(photo):
    (only,) = examine(picture_of(photo, "photo"), picture_of(box(), "mask"))
    assert (only.severity.value, only.code.value, only.about) == ("note", "hole", "mask")
    assert only.figure == pytest.approx(100 * 1600 / SIDE**2) and "11.1 %" in only.seen


# Extent ---------------------------------------------------------------------------------------------------


def test_no_hole_and_all_hole():
    nothing, all_of_it = box(0, 0), box(0, SIDE, 0, SIDE)
    assert "no hole" in kinds(nothing, severity="problem") and "no hole" in kinds(all_of_it, invert=True)
    assert "all hole" in kinds(all_of_it, severity="problem") and "all hole" in kinds(nothing, invert=True)
    one_pixel = box(5, 6, 5, 6)
    assert not {"no hole", "all hole"} & (kinds(one_pixel) | kinds(one_pixel, invert=True))


def test_a_dark_mask_is_told_its_lightest_shade():
    (found,) = [
        f for f in examine(None, picture_of(Image.fromarray(box() * np.uint8(77)), "m")) if f.code.value == "no hole"
    ]
    assert "77 of 255" in found.seen
    (found,) = [f for f in examine(None, picture_of(box(0, 0), "m")) if f.code.value == "no hole"]
    assert "of 255" not in found.seen


def test_large_holes():
    """A stripe from side to side: corners stay, so nothing looks inverted."""
    assert "large hole" not in kinds(box(30, 90, 0, SIDE))  # one half exactly
    assert "large hole" in kinds(box(30, 91, 0, SIDE), severity="warning")


# Polarity -------------------------------------------------------------------------------------------------


def test_inverted_by_shape():
    island = ~box(40, 80, 40, 80)
    assert "likely inverted" in kinds(island, severity="warning")
    assert "likely inverted" not in kinds(~island)
    assert "likely inverted" in kinds(~island, invert=True) and "likely inverted" not in kinds(island, invert=True)
    # What is kept reaches two corners: a legitimate large hole.
    assert "likely inverted" not in kinds(~box(0, 40, 0, SIDE))
    # Kept are strips along the middle of each side: all corners are hole, but 50 of 120 border pixels a side alone.
    strips = box(0, 20, 25, 95) | box(100, SIDE, 25, 95)
    assert "likely inverted" not in kinds(~(strips | strips.T))


def test_the_picture_strengthens_or_refutes(helpers):
    detail = helpers.smooth(SIDE, SIDE)
    kept = box(0, 45, 0, SIDE)  # reaches two corners: by its shape nothing is suspected
    paper = Image.fromarray(np.where(kept[..., None], 255, detail).astype(np.uint8))
    assert "likely inverted" not in kinds(~kept, Image.fromarray(detail))
    assert "likely inverted" in kinds(~kept, paper)
    kept = box(40, 80, 40, 80)  # suspected by its shape, but the canvas around is empty
    canvas = Image.fromarray(np.where(kept[..., None], detail, 255).astype(np.uint8))
    assert "likely inverted" in kinds(~kept, Image.fromarray(detail))
    assert "likely inverted" not in kinds(~kept, canvas)


def test_inverted_by_opacity(helpers):
    detail = helpers.smooth(SIDE, SIDE)
    hole = box(0, 45, 0, SIDE)
    cut_out = Image.fromarray(np.dstack([detail, np.where(hole, 0, 255).astype(np.uint8)]))
    assert "likely inverted" in kinds(~hole, cut_out)
    assert "likely inverted" not in kinds(hole, cut_out)


def drawn(name, count):
    for seed in range(count):
        yield mask_preset(name, 256)(256, 256, torch.Generator().manual_seed(seed))[0].numpy() > 0.5


@pytest.mark.parametrize(("name", "least"), [("thin", 0.7), ("medium", 0.8), ("thick", 0.75), ("patches", 1.0)])
def test_drawn_masks_are_never_called_inverted_and_most_inverted_ones_are(name, least):
    masks = list(drawn(name, 100))
    for hole in masks:
        assert not kinds(hole, severity="problem") and not kinds(hole, severity="warning")
    inverted = [kinds(~hole, severity="warning") for hole in masks]
    assert np.mean(["likely inverted" in found for found in inverted]) >= least
    assert all({"likely inverted", "large hole"} & found for found in inverted)


def test_training_masks_have_no_upper_limit_and_few_false_alarms():
    alarms = ["likely inverted" in kinds(hole) for hole in drawn("training", 200)]
    assert 0 < np.mean(alarms) <= 0.04


# Greys ----------------------------------------------------------------------------------------------------


def disc(radius=35):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows - 60, columns - 55) < radius


@pytest.mark.parametrize("quality", [10, 50, 75, 95])
def test_jpeg_masks(quality):
    mask = as_jpeg(white(disc()), quality)
    levels = np.asarray(mask)
    grey = 100 * ((levels > 0) & (levels < 255)).mean()
    (found,) = [f for f in examine(None, picture_of(mask, "m")) if f.code.value == "grey edges"]
    assert "JPEG" in found.seen and f"{grey:.1f} %" in found.seen and "PNG" in found.advice
    assert found.severity.value == ("warning" if quality == 10 else "note")
    assert "grey edges" not in kinds(disc())


def test_a_jpeg_that_was_saved_as_png_since():
    mask = Image.fromarray(np.asarray(as_jpeg(white(disc()), 30)))
    assert "grey edges" in kinds(mask) and "grey edges" not in kinds(white(disc()))


def test_soft_edges_and_scaled_masks():
    for side, resampling in ((60, Image.Resampling.BOX), (180, Image.Resampling.BICUBIC)):
        once = white(disc()).resize((side, side), resampling)
        assert "soft edges" in kinds(once, severity="note") and not kinds(once, severity="warning")
    wide = white(disc()).resize((15, 15)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    assert "grey edges" in kinds(wide, severity="warning") and "soft edges" not in kinds(wide)


def test_fading_masks():
    fading = white(disc()).filter(ImageFilter.GaussianBlur(15))
    assert "fading mask" in kinds(fading, severity="warning")
    assert "fading mask" not in kinds(white(disc()).filter(ImageFilter.GaussianBlur(2)))


def test_two_greys_and_labels():
    two = Image.fromarray(np.where(disc(), 200, 20).astype(np.uint8))
    assert "greys instead of black and white" in kinds(two, severity="note")
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[:40], labels[40:80] = 3, 2
    assert {"label map", "no hole"} <= kinds(Image.fromarray(labels))
    assert not {"label map", "greys instead of black and white"} & kinds(disc())


# Photographs ----------------------------------------------------------------------------------------------


def test_a_photograph_as_mask(photo):
    assert kinds(photo) == {"a photograph as mask"} == kinds(photo.convert("L"), severity="problem")
    half_black = Image.composite(Image.new("L", photo.size), photo.convert("L"), white(box(0, SIDE, 0, 50)))
    assert kinds(half_black) == {"a photograph as mask"}
    assert "a photograph as mask" not in kinds(white(disc()).filter(ImageFilter.GaussianBlur(25)))


@pytest.mark.parametrize("mask", [white(disc()), as_jpeg(white(disc()), 60)], ids=["png", "jpeg"])
def test_picture_and_mask_swapped(photo, mask):
    assert "picture and mask are swapped" in kinds(photo, mask, severity="problem")
    assert "picture and mask are swapped" not in kinds(photo, photo)
    assert "picture and mask are swapped" not in kinds(mask, photo)


def test_a_photograph_with_its_hole_cut_out(helpers):
    cut = Image.fromarray(np.dstack([helpers.smooth(SIDE, SIDE), np.where(box(), 0, 255).astype(np.uint8)]))
    (found,) = examine(None, picture_of(cut, "m"))
    assert found.severity.value == "problem" and "transparent in 11.1 %" in found.seen


def test_real_photographs_are_seen_as_such(shared_data):
    archive = shared_data / "photos256" / "val.zip"
    if not archive.is_file():
        pytest.skip("no photographs")
    seen = []
    with zipfile.ZipFile(archive) as files:
        for name in [name for name in files.namelist() if name.endswith(".jpg")][:80]:
            with Image.open(io.BytesIO(files.read(name))) as image:
                seen.append("a photograph as mask" in kinds(image))
    assert len(seen) > 50 and np.mean(seen) > 0.95


# Sizes ----------------------------------------------------------------------------------------------------


def sizes(image, mask, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", image, "teal").save(buffer, "JPEG", exif=exif)
    found = examine(Picture.from_pil(Image.open(buffer), "p"), picture_of(Image.new("L", mask), "m"))
    return " ".join(
        f.seen + f.advice for f in found if f.code.value == "sizes differ" and f.severity.value == "problem"
    )


def test_sizes():
    assert sizes((80, 60), (80, 60)) == ""
    assert "the same shape, 0.5 times" in sizes((80, 60), (40, 30))
    assert "the same shape" in sizes((81, 61), (40, 30)) and "nearest" in sizes((81, 61), (40, 30))
    assert "the same shape" not in sizes((80, 60), (40, 33)) and "another shape" in sizes((80, 60), (40, 33))
    swapped = sizes((80, 60), (60, 80))
    assert "swapped" in swapped and "EXIF" not in swapped
    assert "EXIF orientation 6" in sizes((80, 60), (80, 60), orientation=6)
    assert sizes((80, 60), (60, 80), orientation=6) == ""
    assert "another scale" in sizes((80, 60), (30, 40))


# Places ---------------------------------------------------------------------------------------------------


def test_holes_at_the_border():
    assert "hole at the border" not in kinds(box(1, 50, 1, 50))
    (found,) = [f for f in examine(None, picture_of(box(0, 60, 0, 30), "m")) if f.code.value == "hole at the border"]
    assert "top 25 %" in found.seen and "left 50 %" in found.seen and "right" not in found.seen
    (found,) = [f for f in examine(None, picture_of(~box(), "m")) if f.code.value == "hole at the border"]
    assert "all of it" in found.seen and "top" not in found.seen


@pytest.mark.parametrize(("count", "size", "expected"), [(9, 2, False), (10, 2, True), (30, 3, False)])
def test_specks(count, size, expected):
    hole = box()
    for number in range(count):
        hole[80 + 10 * (number // 20) :, 2 + 5 * (number % 20) :][:size, :size] = True
    assert ("specks" in kinds(hole, severity="warning")) == expected


def test_pinholes():
    hole = np.zeros((SIDE, SIDE), bool)
    hole[10:70, 10:70] = True
    noisy = hole.copy()
    noisy[12:52:4, 12:52:4] = False
    assert "pinholes" in kinds(noisy, severity="warning")
    noisy[12, 12] = True
    assert "pinholes" not in kinds(noisy)


# Opacity --------------------------------------------------------------------------------------------------


def layered(colour, hole):
    opacity = np.where(hole, 255, 0).astype(np.uint8)
    return Image.fromarray(np.dstack([np.full((*hole.shape, 3), colour, np.uint8), opacity]))


def test_alpha_masks():
    assert "alpha mask" in kinds(layered(255, box()), severity="note")
    assert {"alpha mask without white", "no hole"} <= kinds(layered(0, box()))
    opaque = layered(255, box(0, SIDE, 0, SIDE))
    assert not {"alpha mask", "alpha mask without white"} & kinds(opaque)


def test_a_picture_that_is_transparent_in_the_hole(helpers):
    colours = helpers.smooth(SIDE, SIDE)
    for top, expected in ((69, True), (70, False)):  # the hole ends with row 69
        picture = Image.fromarray(
            np.dstack([colours, np.where(np.arange(SIDE) < top, 255, 0)[:, None].repeat(SIDE, 1).astype(np.uint8)])
        )
        assert ("transparent in the hole" in kinds(box(), picture, severity="warning")) == expected
    assert "transparent in the hole" not in kinds(box(), Image.fromarray(colours))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_tiny_masks(size):
    for pixels in (np.zeros(size, bool), np.ones(size, bool), np.arange(size[0] * size[1]).reshape(size) % 2 > 0):
        assert kinds(pixels, Image.new("RGB", size[::-1]))


def test_advice_names_the_callers_arguments():
    """Python's names unless the caller has others."""
    island = picture_of(~box(40, 80, 40, 80), "m")
    for names, expected in (
        (ArgumentNames(), "give invert_mask if"),
        (ArgumentNames("--invert"), "give --invert if"),
    ):
        (found,) = [f for f in examine(None, island, names=names) if f.code is FindingCode.LIKELY_INVERTED]
        assert found.advice.startswith(expected)
    (found,) = [f for f in examine(None, picture_of(box(), "m"), True) if f.code is FindingCode.LIKELY_INVERTED]
    assert found.advice.startswith("leave out invert_mask if")
