"""The command `latentinpaint plan`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("plan")
