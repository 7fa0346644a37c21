"""The command `latentinpaint visualize_latent_diff`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("visualize_latent_diff")
