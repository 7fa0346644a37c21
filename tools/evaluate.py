"""The command `latentinpaint evaluate`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("evaluate")
