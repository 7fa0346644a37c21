"""How a computation runs: on which device, with which random numbers, and how far it is."""
