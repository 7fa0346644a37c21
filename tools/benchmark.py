"""The command `latentinpaint benchmark`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("benchmark")
