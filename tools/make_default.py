"""The command `latentinpaint make_default`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("make_default")
