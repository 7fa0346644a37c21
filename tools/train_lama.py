"""The command `latentinpaint train_lama`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("train_lama")
