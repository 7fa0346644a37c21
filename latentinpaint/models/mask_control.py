"""Mask control: showing a frozen encoder where the hole is, without changing its weights.

A small encoder of the mask runs beside the frozen encoder. After each of its stages a 1x1 convolution without
bias, initialised to zero, gives a map that is added to the frozen encoder's output of that stage. At step 0 the
conditioned latent is exactly the frozen one; the gradient reaches the zero convolutions at the first step and
the mask encoder from the second on.

Neither encoder of the mask nor zero convolutions have a bias or a normalisation, so that the maps are exactly zero
where no hole is in reach: the latent of known cells far from any hole stays the frozen encoder's, bit for bit,
however long the control is trained, and an empty mask changes nothing. Normalised features move every latent, and the
refiner spends itself on moving it back (measured in docs/default_model.md).

Idea: ControlNet (Zhang et al., "Adding Conditional Control to Text-to-Image Diffusion Models", ICCV 2023, arXiv
2302.05543); its use on the encoder of an inpainting network: Babin, "Image inpainting in latent space", 2024.
"""

from torch import Tensor, nn

from latentinpaint.errors import whole_number
from latentinpaint.models.arguments import RecordsArguments
from latentinpaint.models.autoencoder import Autoencoder
from latentinpaint.models.fast.binary_features import BinaryFeatures, convolve


def zero_conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 1x1 convolution without bias whose weights start at zero; (B, in, h, w) to (B, out, h, w)."""
    convolution = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    nn.init.zeros_(convolution.weight)
    return convolution


class MaskStage(nn.Sequential):
    """Convolution without bias and ReLU: zero where the kernel sees no hole.

    Shapes: (B, in_channels, h, w), or binary features of it, to (B, out_channels, h / stride, w / stride).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int) -> None:
        convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)
        # Without normalisation the initial weights have to keep the features' size from stage to stage (He et al.,
        # "Delving Deep into Rectifiers", arXiv 1502.01852).
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        super().__init__(convolution, nn.ReLU())

    def forward(self, features: Tensor | BinaryFeatures) -> Tensor | BinaryFeatures:
        convolution, relu = self
        return relu(convolve(convolution, features))


class FullResolutionStage(MaskStage):
    """The same of a mask (B, 1, H, W) with a kernel of 1x1, whose output are binary features."""

    def __init__(self, out_channels: int) -> None:
        super().__init__(1, out_channels, kernel=1, stride=1)

    def forward(self, features: Tensor | BinaryFeatures) -> BinaryFeatures:
        convolution, relu = self
        assert isinstance(convolution, nn.Conv2d) and isinstance(features, Tensor)
        return BinaryFeatures(features, relu(convolution.weight.flatten()))


class MaskControl(RecordsArguments, nn.Module):
    """The mask's features, one map for every stage of an autoencoder's encoder.

    The mask encoder has the stages' strides: a 1x1 convolution to `width` channels, then one 3x3 convolution a stage
    to twice as many, each with ReLU. A mask contains little information, so these are narrow however
    wide the autoencoder is; the zero convolutions widen to the stage's channels.

    Args:
        autoencoder: only its `stage_channels` and `stage_strides` are read.
        width: channels of the mask encoder's first stage, doubled with every further one; 8 as in the second source.

    Attributes:
        reach: pixels; a cell of a map is zero if all hole pixels are farther than this from the cell's own pixels.

    Raises:
        ValueError: if the autoencoder has no stages (nothing to add the features to), or width is below 1.
    """

    def __init__(self, autoencoder: Autoencoder, width: int = 8) -> None:
        super().__init__()
        if not autoencoder.stage_channels:
            raise ValueError(f"{type(autoencoder).__name__} has no encoder stages that a mask could control")
        whole_number("width", width, 1)
        # Model files name the mask encoder's stages `levels` and the zero convolutions `taps`.
        self.levels = nn.ModuleList()
        self.taps = nn.ModuleList()
        self.reach = 0
        channels = 1
        stride = 1
        for stage_channels, stage_stride in zip(autoencoder.stage_channels, autoencoder.stage_strides, strict=True):
            if stage_stride == 1 and not self.levels:
                self.levels.append(FullResolutionStage(width))
            else:
                self.levels.append(MaskStage(channels, width, 3, stage_stride // stride))
                self.reach += stride
            self.taps.append(zero_conv(width, stage_channels))
            channels = width
            stride = stage_stride
            width = 2 * width

    def forward(self, mask: Tensor) -> list[Tensor]:
        """One map a stage, (B, stage_channels[i], H / stride_i, W / stride_i).

        Args:
            mask: (B, 1, H, W), 1 = hole and 0 elsewhere, nothing between.
        """
        features: Tensor | BinaryFeatures = mask
        control = []
        for stage, zero_convolution in zip(self.levels, self.taps, strict=True):
            features = stage(features)
            control.append(convolve(zero_convolution, features))
        return control
