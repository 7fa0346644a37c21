"""The sizes of LaMa's generator from the names and shapes of a state dict, and why one cannot be converted.

Every refusal is an `InputError` that completes the sentence "FILE cannot be converted: …".
"""

import re
from collections.abc import Mapping

from latentinpaint.errors import InputError
from latentinpaint.lama.layout import FIRST_BLOCK, HALVINGS, Dimensions

Shapes = Mapping[str, tuple[int, ...]]

# Parts of LaMa's code that a checkpoint may have and this package has not, by the names of their tensors.
UNSUPPORTED = {
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
    _check_supported(shapes)
    ngf = _read_ngf(shapes)
    halvings = len(_indices(shapes, "ffc")) - 1
    if halvings != HALVINGS:
        raise InputError(f"it halves the picture {halvings} times (n_downsampling), latentinpaint's {HALVINGS} times")
    blocks = _read_blocks(shapes)
    last_halving = f"model.{HALVINGS + 1}.ffc"
    num_local = shapes.get(f"{last_halving}.convl2l.weight", (0,))[0]
    num_global = shapes.get(f"{last_halving}.convl2g.weight", (0,))[0]
    if num_global == 1:
        raise InputError("its blocks have one global channel, which is too few: a Fourier unit needs two")
    dimensions = Dimensions(ngf, num_local + num_global, blocks, num_global)
    _check_output(shapes, dimensions)
    if dimensions.latent < ngf * 2 ** (HALVINGS - 1):
        raise InputError(
            f"its channels stop growing before the last halving (max_features; ngf {ngf}, "
            f"{dimensions.latent} channels in the blocks), latentinpaint's double twice at least"
        )
    return dimensions


def check_shapes(found: Shapes, expected: Shapes) -> None:
    """Refuse a state dict with a tensor missing, too many, or of another shape.

    Raises:
        InputError: which names the first such tensor.
    """
    for name in expected:
        if name not in found:
            raise InputError(f"it has no {name}{_more(len(expected.keys() - found.keys()))}")
    for name in found:
        if name not in expected:
            raise InputError(f"it has a tensor that LaMa has not: {name}{_more(len(found.keys() - expected.keys()))}")
    for name, shape in expected.items():
        if tuple(found[name]) != tuple(shape):
            raise InputError(f"{name} is {_as_text(found[name])}, where {_as_text(shape)} fits the other tensors")


def _check_supported(shapes: Shapes) -> None:
    for pattern, part in UNSUPPORTED.items():
        for name in shapes:
            if re.search(pattern, name):
                raise InputError(f"it has {part}, which latentinpaint cannot compute ({name})")


def _read_ngf(shapes: Shapes) -> int:
    """Output channels of the first convolution."""
    name = "model.1.ffc.convl2l.weight"
    shape = shapes.get(name, ())
    if len(shape) != 4:
        raise InputError(f"it is no Fourier generator (kind ffc_resnet), whose first convolution is {name}")
    if shape[1] != 4:
        raise InputError(
            f"its first convolution takes {shape[1]} channels (input_nc), latentinpaint's 4: masked RGB and the mask"
        )
    return shape[0]


def _read_blocks(shapes: Shapes) -> int:
    indices = _indices(shapes, "conv1")
    blocks = 0
    while FIRST_BLOCK + blocks in indices:
        blocks += 1
    stray = sorted(indices - set(range(FIRST_BLOCK, FIRST_BLOCK + blocks)))
    if stray:
        raise InputError(
            f"it has a Fourier block at model.{stray[0]}, outside its {blocks} residual blocks (out_ffc), "
            "which latentinpaint cannot compute"
        )
    return blocks


def _check_output(shapes: Shapes, dimensions: Dimensions) -> None:
    name = f"model.{dimensions.last}.weight"
    if name not in shapes:
        raise InputError(f"it has no {name}, the last convolution after {dimensions.blocks} residual blocks")
    if shapes[name][:1] != (3,):
        raise InputError(f"its output has {shapes[name][0]} channels (output_nc), latentinpaint's 3")


def _indices(shapes: Shapes, part: str) -> set[int]:
    """The indices N of all names ``model.N.part.…``."""
    indices = set()
    for name in shapes:
        if match := re.match(rf"model\.(\d+)\.{part}\.", name):
            indices.add(int(match[1]))
    return indices


def _more(count: int) -> str:
    return f" (nor {count - 1} more)" if count > 1 else ""


def _as_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
