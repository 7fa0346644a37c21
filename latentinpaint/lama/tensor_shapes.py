"""What the names and shapes of a LaMa state dict tell: its sizes, and why it cannot be converted.

Every refusal is an `InputError` that completes the sentence "FILE cannot be converted: …".
"""

import re
from collections.abc import Mapping

from latentinpaint.errors import InputError
from latentinpaint.lama.layout import BLOCKS_FROM, HALVINGS, Dimensions

Shapes = Mapping[str, tuple[int, ...]]

# Parts of LaMa's code that a checkpoint may have and this package has not, by what their tensors are called.
FOREIGN = {
    r"\.lfu\.": "a local Fourier unit (enable_lfu)",
    r"\.gate\.": "gates between local and global channels (gated)",
    r"\.fu\.se\.": "squeeze-and-excitation in its Fourier units (use_se)",
    r"^model\.\d+\.(impl|angle)\b": "learnable spatial transforms (spatial_transform_layers)",
    r"^model\.1\.ffc\.convl2g\.": "global channels from the first convolution on (init_conv_kwargs.ratio_gout)",
    r"^model\.[2-4]\.ffc\.convg2[lg]\.": "global channels before its last halving (downsample_conv_kwargs.ratio_gin)",
}


def read_dimensions(shapes: Shapes) -> Dimensions:
    """The sizes of a generator, from the shapes of a few of its tensors.

    Raises:
        InputError: if this is another network than LaMa's usual Fourier generator.
    """
    for pattern, what in FOREIGN.items():
        name = next((name for name in shapes if re.search(pattern, name)), None)
        if name is not None:
            raise InputError(f"it has {what}, which latentinpaint cannot compute ({name})")
    ngf = _first_convolution(shapes)
    halvings = len(_places(shapes, "ffc")) - 1
    if halvings != HALVINGS:
        raise InputError(f"it halves the picture {halvings} times (n_downsampling), latentinpaint's {HALVINGS} times")
    blocks = _blocks(shapes)
    last = f"model.{HALVINGS + 1}.ffc."
    near, far = (shapes.get(f"{last}{part}.weight", (0,))[0] for part in ("convl2l", "convl2g"))
    if far == 1:
        raise InputError("its blocks have one global channel, which is too few: a Fourier unit needs two")
    dimensions = Dimensions(ngf, near + far, blocks, far)
    _check_last(shapes, dimensions)
    if dimensions.latent < ngf * 2 ** (HALVINGS - 1):
        raise InputError(
            f"its channels stop growing before the last halving (max_features; ngf {ngf}, "
            f"{dimensions.latent} channels in the blocks), latentinpaint's double twice at least"
        )
    return dimensions


def compare(given: Shapes, expected: Shapes) -> None:
    """Refuse a state dict with a tensor missing, too many, or of another shape.

    Raises:
        InputError: which names the first such tensor.
    """
    for name in expected:
        if name not in given:
            raise InputError(f"it has no {name}{_more(len(expected.keys() - given.keys()))}")
    for name in given:
        if name not in expected:
            raise InputError(f"it has a tensor that LaMa has not: {name}{_more(len(given.keys() - expected.keys()))}")
    for name, shape in expected.items():
        if tuple(given[name]) != tuple(shape):
            raise InputError(f"{name} is {_spelled(given[name])}, where {_spelled(shape)} fits the other tensors")


def _first_convolution(shapes: Shapes) -> int:
    name = "model.1.ffc.convl2l.weight"
    shape = shapes.get(name, ())
    if len(shape) != 4:
        raise InputError(f"it is no Fourier generator (kind ffc_resnet), whose first convolution is {name}")
    if shape[1] != 4:
        raise InputError(
            f"its first convolution takes {shape[1]} channels (input_nc), latentinpaint's 4: masked RGB and the mask"
        )
    return shape[0]


def _blocks(shapes: Shapes) -> int:
    places = _places(shapes, "conv1")
    blocks = 0
    while BLOCKS_FROM + blocks in places:
        blocks += 1
    stray = sorted(places - set(range(BLOCKS_FROM, BLOCKS_FROM + blocks)))
    if stray:
        raise InputError(
            f"it has a Fourier block at model.{stray[0]}, outside its {blocks} residual blocks (out_ffc), "
            "which latentinpaint cannot compute"
        )
    return blocks


def _check_last(shapes: Shapes, dimensions: Dimensions) -> None:
    name = f"model.{dimensions.last}.weight"
    if name not in shapes:
        raise InputError(f"it has no {name}, the last convolution after {dimensions.blocks} residual blocks")
    if shapes[name][:1] != (3,):
        raise InputError(f"it answers with {shapes[name][0]} channels (output_nc), latentinpaint with 3")


def _places(shapes: Shapes, part: str) -> set[int]:
    """The places N of all names ``model.N.part.…``."""
    found = (re.match(rf"model\.(\d+)\.{part}\.", name) for name in shapes)
    return {int(match[1]) for match in found if match}


def _more(count: int) -> str:
    return f" (nor {count - 1} more)" if count > 1 else ""


def _spelled(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
