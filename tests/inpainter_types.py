"""What type checkers say of an `Inpainter`'s calls; read by mypy and pyright, never run."""

import numpy as np
from PIL import Image
from torch import Tensor
from typing_extensions import assert_type

from latentinpaint import Inpainter


def calls(inpainter: Inpainter, image: Image.Image, array: np.ndarray, tensor: Tensor) -> None:
    assert_type(inpainter(image, array), Image.Image)
    assert_type(inpainter(array, image, seed=1, crop=None), np.ndarray)
    assert_type(inpainter(tensor, tensor, progress=print), Tensor)
    assert_type(inpainter([image, image], [array, array]), list[Image.Image])
    assert_type(inpainter((tensor, tensor), tensor), list[Tensor])
    assert_type(inpainter.samples(image, array, 3), list[Image.Image])
    assert_type(inpainter.samples([tensor], [array], 3, steps=4), list[list[Tensor]])
    assert_type(inpainter.expand(image, "10%"), Image.Image)
    assert_type(inpainter.expand_samples(tensor, (1, 2, 3, 4), 2), list[Tensor])


def mistakes(inpainter: Inpainter, image: Image.Image) -> None:
    inpainter(image, image, num_samples=2)  # type: ignore[call-overload]  # pyright: ignore
    inpainter(image, image, seed="one")  # type: ignore[call-overload]  # pyright: ignore
    inpainter("photo.png", image)  # type: ignore[type-var]  # pyright: ignore
    inpainter.samples(image, image)  # type: ignore[call-overload]  # pyright: ignore
