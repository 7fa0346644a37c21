"""The command `latentinpaint convert`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("convert")
