"""The command `latentinpaint recipes`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("recipes")
