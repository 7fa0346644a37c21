"""The command `latentinpaint app`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("app")
