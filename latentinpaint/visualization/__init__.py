"""Pictures for people: grids, and what the latent space lost."""

from latentinpaint.visualization.grid import picture_grid, to_pil
from latentinpaint.visualization.latent import LatentDifference, draw_latent_difference, latent_difference

__all__ = ["LatentDifference", "draw_latent_difference", "latent_difference", "picture_grid", "to_pil"]
