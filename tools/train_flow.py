"""The command `latentinpaint train_flow`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("train_flow")
