"""`optimise_path`: a Hadamard flow's path of least action beside the straight one."""

from latentinpaint.cli.terminal import fraction_bar
from latentinpaint.errors import InputError, check_counts, check_suffix, printable


def command(
    model: str,
    data: str,
    output: str,
    num_samples: int = 32,
    block_side: int | None = None,
    knots: int = 9,
    iterations: int = 100,
    steps: int = 20,
    downloads: str = "downloads",
    seed: int = 0,
    device: str | None = None,
) -> None:
    """Search the path from noise to data on which the samples of a Hadamard flow move least, and draw it.

    Blocks of pixels have clocks of their own, and which of them run early is found from the flow itself. The sheet
    has the clocks (white is noise) and the states of four samples on the straight path, and below them those on the
    path that was found. The action, the mean squared speed along a path, is printed for both, measured on other
    pictures than it was found from.

    Args:
        model: flow file, or folder of a training run.
        data: pictures to make and to measure the path with: a folder, a sheet, or a collection's name.
        output: a PNG file.
        num_samples: pictures, a half to make and a half to measure the path.
        block_side: side of the blocks, pixels; by default the flow's own.
        knots: times at which a clock is free, 3 or more.
        iterations: steps of the search.
        steps: solver steps between two columns of the sheet.
        downloads: folder in which torchvision looks for a data set, and to which it downloads.
        seed: of the noise.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
    """
    counts = {"--num-samples": num_samples, "--block-side": block_side, "--knots": knots, "--iterations": iterations}
    check_counts({**counts, "--steps": steps})
    check_suffix("--output", output, ".png")
    from latentinpaint.flows import HadamardFlow
    from latentinpaint.flows.path_search import SearchSettings, compare_paths
    from latentinpaint.flows.session_inputs import SessionNames, load_samples
    from latentinpaint.images.image_files import write_image
    from latentinpaint.runtime.device import choose_device
    from latentinpaint.visualization.flows import draw_paths
    from latentinpaint.weights import load_flow

    flow = load_flow(model).to(choose_device(device))
    if not isinstance(flow, HadamardFlow):
        raise InputError(f"{model} holds a {type(flow).__name__}: paths are searched for Hadamard flows")
    pictures = load_samples(
        flow, "inpaint", data, num_samples, downloads=downloads, names=SessionNames(data="--data")
    )
    times = [number / 6 for number in range(7)]
    settings = SearchSettings(block_side, knots, iterations, seed=seed)
    with fraction_bar("searching") as progress:
        found = compare_paths(flow, pictures.to(next(flow.parameters())), times, settings, steps, progress=progress)
    write_image(draw_paths(list(found.values()), times), output)
    for name, path in found.items():
        print(f"{name}: action {path.action:.4g}")
    print(printable(f"clocks and states: {output}"))
