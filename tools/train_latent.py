"""The command `latentinpaint train_latent`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("train_latent")
