"""`plan`: paths through a maze by a flow."""

from dataclasses import dataclass

from latentinpaint.errors import check_counts, check_suffix, printable


@dataclass(kw_only=True)
class Options:
    """Plan paths from a point of a maze to another with a flow that train_flow made by a recipe of a maze.

    Draws the paths that keep clear of the walls in colours, the others dotted and red, and says how many they are;
    the status is 1 if none keeps clear. The origin is the middle of the maze, a cell has side 1, x points right and
    y up.

    Args:
        model: flow file, or folder of a training run.
        start: x,y.
        goal: x,y.
        via: points to pass on the way, in this order: x,y or x,y:x,y.
        output: picture of the maze with the paths, PNG.
        animation: the same with the point masses on their way, GIF.
        num_paths: paths to plan.
        seed: of the paths.
        index: number of the path's point at which the goal is reached; by default the earliest that is found.
        steps: solver steps; by default the flow's own.
        epsilon: rate of the noise that is added on the way, 0 or more.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
    """

    model: str
    start: str
    goal: str
    via: str | None = None
    output: str = "plan.png"
    animation: str | None = None
    num_paths: int = 8
    seed: int = 0
    index: int | None = None
    steps: int | None = None
    epsilon: float | None = None
    device: str | None = None


def run(options: Options) -> int:
    """Plan as the options say."""
    check_counts({"--num-paths": options.num_paths, "--steps": options.steps, "--index": options.index})
    check_suffix("--output", options.output, ".png")
    if options.animation is not None:
        check_suffix("--animation", options.animation, ".gif")
    from latentinpaint.images.image_files import write_image
    from latentinpaint.maze.drawings import animate_paths, draw_paths, write_animation
    from latentinpaint.maze.loading import load_planner, read_stops
    from latentinpaint.maze.planning import SearchConfig
    from latentinpaint.runtime.device import choose_device

    config = SearchConfig()
    if options.index is not None:
        config = SearchConfig(candidates=(options.index,))
    planner = load_planner(options.model, config, options.steps, options.epsilon, choose_device(options.device))
    stops = read_stops(planner.maze, _stops(options))
    plans = planner.plan(stops.expand(options.num_paths, -1, -1), options.seed)
    paths = plans.trimmed()
    legal = plans.legal.tolist()
    write_image(draw_paths(planner.maze, paths, stops, legal), options.output)
    print(printable(f"{sum(legal)} of {len(legal)} paths keep clear of the walls: {options.output}"))
    if options.animation is not None:
        write_animation(animate_paths(planner.maze, paths, stops, legal), options.animation)
        print(printable(f"on their way: {options.animation}"))
    return int(not any(legal))


def _stops(options: Options) -> dict[str, str]:
    """The points on the way, by what messages call them."""
    stops = {"--start": options.start}
    if options.via is not None:
        for number, point in enumerate(options.via.split(":"), start=1):
            stops[f"--via ({number})"] = point
    stops["--goal"] = options.goal
    return stops
