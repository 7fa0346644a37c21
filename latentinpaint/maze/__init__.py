"""A point mass in a maze: recorded trajectories, plans by a flow, and how many of them are legal."""
