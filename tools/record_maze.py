"""The command `latentinpaint record_maze`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("record_maze")
