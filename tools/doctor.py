"""The command `latentinpaint doctor`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("doctor")
