"""Pictures for people: grids, what the latent space lost, and where samples differ."""

from latentinpaint.visualization.grid import picture_grid, to_pil
from latentinpaint.visualization.latent import LatentDifference, draw_latent_difference, latent_difference
from latentinpaint.visualization.uncertainty import draw_uncertainty, uncertainty_map

__all__ = [
    "LatentDifference",
    "draw_latent_difference",
    "draw_uncertainty",
    "latent_difference",
    "picture_grid",
    "to_pil",
    "uncertainty_map",
]
