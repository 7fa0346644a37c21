"""The command `latentinpaint sample`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("sample")
