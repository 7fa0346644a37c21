"""The command `latentinpaint make_masks`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("make_masks")
