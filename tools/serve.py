"""The command `latentinpaint serve`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("serve")
