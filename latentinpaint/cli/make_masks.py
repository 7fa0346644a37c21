"""`make_masks`: holes for a folder of pictures as files, the same on every machine."""

import sys

from latentinpaint import __version__
from latentinpaint.cli.terminal import progress_bar
from latentinpaint.errors import InputError, count_of


def command(
    images: str, output: str, mask_preset: str = "thick", seed: int = 0, per_image: int = 1, limit: int | None = None
) -> None:
    """Draw masks for the pictures of a folder by seed and file name, under LaMa's names (photo_mask001.png).

    Writes manifest.json beside them: what they were drawn from, the size of each hole, and checksums, by which
    `evaluate` and `benchmark` see that nothing was changed. The first mask of a picture is the one that they draw
    from the same preset and seed themselves.

    Args:
        images: folder of pictures, with sub-folders.
        output: folder for the masks.
        mask_preset: thin, medium, thick, training or patches, scaled to each picture's shorter side.
        seed: equal seeds give equal masks.
        per_image: masks a picture.
        limit: only so many pictures, the first by name.
    """
    from latentinpaint.evaluation.dataset import named_pictures
    from latentinpaint.evaluation.mask_sets import MANIFEST, write_masks
    from latentinpaint.images.folders import check_outside

    if per_image < 1 or per_image > 999 or (limit is not None and limit < 1):
        raise InputError("--per-image goes from 1 to 999, and --limit starts at 1")
    check_outside(output, images, "the masks")
    named, left_out = named_pictures(images)
    pictures = named[:limit]
    about = {"latentinpaint": __version__}
    with progress_bar("drawing", len(pictures)) as step:
        manifest, notes = write_masks(pictures, output, mask_preset, seed, per_image, about, step)
    for note in left_out:
        print(f"note: {note}", file=sys.stderr)
    for note in notes:
        print(f"note: left out: {note}", file=sys.stderr)
    fractions = [entry["hole_fraction"] for entry in manifest["masks"]]
    average = 100 * sum(fractions) / len(fractions)
    print(
        f"{count_of(len(fractions), 'mask')} in {output}, {average:.1f} % hole on average; "
        f"{MANIFEST} has their checksums, all together {manifest['masks_sha256'][:16]}"
    )
