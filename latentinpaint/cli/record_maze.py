"""`record_maze`: trajectories of a point mass that is driven through a maze."""

from latentinpaint.cli.terminal import fraction_bar
from latentinpaint.errors import check_suffix


def command(
    output: str = "downloads/maze.safetensors", maze: str = "medium", steps: int = 2_000_000, seed: int = 0
) -> None:
    """Drive the point mass of Gymnasium-Robotics' PointMaze from goal to goal, and write where it was as one file.

    The recipes `maze` and `maze_small` learn from it. Stopped, the same command resumes where it was. Takes the
    simulator: pip install 'latentinpaint[maze]'.

    Args:
        output: file for the trajectories, .safetensors.
        maze: small, medium or large, PointMaze's own; or a text file with a row of # (wall) and . (free) on every
            line.
        steps: of the simulator, 0.01 s each; a multiple of 50,000, or fewer.
        seed: of the starts, goals and speeds.
    """
    check_suffix("--output", output, ".safetensors")
    from latentinpaint.maze.loading import open_maze
    from latentinpaint.maze.recording import record

    with fraction_bar("recording") as progress:
        record(open_maze(maze), steps, seed, output, progress)
    print(f"{steps} steps in the maze {maze}: {output}")
