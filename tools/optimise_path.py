"""The command `latentinpaint optimise_path`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("optimise_path")
