"""Arguments by which each restoration method is done in a moment."""

QUICK = {
    "pnp_flow": {"steps": 4},
    "ot_ode": {"steps": 5, "start": 0.2},
    "d_flow": {"iterations": 1, "trials": 3},
    "flow_priors": {"steps": 4},
    "flower": {"steps": 4, "spread": 1.0},
    "guidance": {"steps": 4},
    "seen": {},
    "replace": {"steps": 4},
    "repaint": {"steps": 4, "repeats": 2},
    "hadamard": {"steps": 4},
}
