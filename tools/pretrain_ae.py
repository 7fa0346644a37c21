"""The command `latentinpaint pretrain_ae`."""

from latentinpaint.cli import main

if __name__ == "__main__":
    main("pretrain_ae")
