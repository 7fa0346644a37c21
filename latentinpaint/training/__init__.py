"""Training: Lightning modules for the two stages, their callbacks and command lines."""
