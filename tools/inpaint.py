"""The command `latentinpaint inpaint`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("inpaint")
