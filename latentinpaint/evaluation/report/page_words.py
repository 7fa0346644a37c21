"""What a report says of itself: of filled holes, or of another comparison."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageWords:
    """The texts at the top of a page.

    title, heading: with {count} for the number of items. about: with {holes} for where the holes come from and
    {percent} for the part of the picture that half of them exceed.
    """

    title: str
    heading: str
    about: str


FILLED_HOLES = PageWords(
    "{count} holes filled",
    "How well {count} holes were filled",
    "Holes: {holes}; half of them cover more than {percent} % of the picture. Every method saw the same pictures and "
    "the same holes; only the hole is replaced, and fills are evaluated as 8-bit files.",
)
