"""The command `latentinpaint export`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("export")
