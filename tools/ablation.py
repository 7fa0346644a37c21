"""The command `latentinpaint ablation`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("ablation")
