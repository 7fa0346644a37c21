"""The command `latentinpaint quickstart`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("quickstart")
