"""LaMa's checkpoints: read into this package's pipelines, and written back.

Architecture: Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022, arXiv
2109.07161; names: the layout of the checkpoints published with it.
"""

from latentinpaint.lama.conversion import Converted, lama_dimensions, load_lama, save_lama
from latentinpaint.lama.layout import Dimensions

__all__ = ["Converted", "Dimensions", "lama_dimensions", "load_lama", "save_lama"]
