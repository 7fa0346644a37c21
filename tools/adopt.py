"""The command `latentinpaint adopt`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("adopt")
