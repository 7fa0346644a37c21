"""What a report says of itself: of filled holes, or of another comparison."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageWords:
    """The texts at the top of a page.

    noun: for one of the items. title, heading: with {items} for their number and noun, or {items_were} with the
    verb as well. about: with {holes} for where the holes come from and
    {percent} for the part of the picture that half of them exceed.
    """

    noun: str
    title: str
    heading: str
    about: str


FILLED_HOLES = PageWords(
    "hole",
    "{items} filled",
    "How well {items_were} filled",
    "Holes: {holes}; half of them cover more than {percent} % of the picture. Every method saw the same pictures and "
    "the same holes; only the hole is replaced, and fills are evaluated as 8-bit files.",
)

# How the tables of a comparison are read: what stands where, and which figures stand out.
TABLE_CONVENTIONS = (
    "Under a figure stands its 95 % bootstrap interval over pictures; ↑ more is better, ↓ less is better. All rows "
    "of a column are of the same holes; behind a heading stands how many have a value, if not all have.",
    "Bold is the best of a column where the paired interval of every other row's difference to it is clear of zero; "
    "oracles, which are chosen by looking at the truth, do not compete, and distances have no such interval.",
)

# What others compute otherwise.
METRIC_CONVENTIONS = (
    "PSNR is the mean over pictures of each picture's own PSNR, at most 60 dB. torchmetrics' PeakSignalNoiseRatio "
    "pools the squared errors of all pictures first and is lower: compare figures of one convention only.",
    "SSIM of the whole picture leaves out the 5 pixels at its edges where the window of 11 x 11 does not fit, as "
    "scikit-image does; in the hole and along its border every pixel counts, the picture reflected at its edges.",
)
