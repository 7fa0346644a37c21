"""The command `latentinpaint restore`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("restore")
