"""Whether the order of blocks matters: a fixed one, the most certain first, or the least certain first.

    python benchmarks/block_order.py --data mnist
    python benchmarks/block_order.py --data mnist --model runs/hadamard_mnist

Pictures are generated block after block with a few Euler steps each, and their distance to DATA is the squared
Fréchet distance of the pixels themselves. Without a model the data are PROTOTYPES pictures of DATA, each with a
little normal noise, and the drifts are exact: what is left are the errors of few steps. The same noise begins every
row; the error is the standard deviation over seeds.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from latentinpaint.data.distributions import Pictures, open_collection
from latentinpaint.flows import HadamardFlow
from latentinpaint.interpolants import Drifts, Endpoints, Process, integrate_path
from latentinpaint.interpolants.adaptive import integrate_adaptively, variance_bound
from latentinpaint.interpolants.paths import inpaint, morton, raster, sequential
from latentinpaint.metrics.distances import frechet_distance
from latentinpaint.weights import load_flow

Generation = Callable[[Tensor, int], Tensor]  # noise and steps of a block to pictures


@dataclass(frozen=True, eq=False)
class Prototypes:
    """Exact drifts of an equal mixture of normal distributions around pictures (K, C, H, W); called as drifts are."""

    pictures: Tensor
    std: float = 0.1

    def __call__(self, process: Process, x: Tensor) -> Endpoints:
        alpha, beta = (operator(torch.ones_like(x)).flatten(1) for operator in (process.alpha, process.beta))
        means = self.pictures.flatten(1)
        variance = alpha.square() + (beta * self.std).square()
        variance = variance.clamp(min=1e-12)
        x = x.flatten(1)
        # -|x - beta m|^2 / (2 variance), without what is equal for all prototypes.
        logits = (x * beta / variance) @ means.T - 0.5 * (beta.square() / variance) @ means.square().T
        expected = logits.softmax(dim=1) @ means
        scaled = (x - beta * expected) / variance
        data = expected + beta * self.std**2 * scaled
        shape = (len(x), *self.pictures.shape[1:])
        return Endpoints((alpha * scaled).view(shape), data.view(shape))

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        chosen = self.pictures[torch.randint(len(self.pictures), (count,), generator=generator)]
        return chosen + self.std * torch.randn(chosen.shape, generator=generator)


def orders(drifts: Drifts, side: int, size: tuple[int, int]) -> dict[str, Generation]:
    """Ways to make pictures block after block, and all at once with as many evaluations."""
    blocks = raster(*size, side)
    count = int(blocks.max()) + 1

    def at_once(noise: Tensor, steps: int) -> Tensor:
        path = inpaint(torch.ones_like(noise[:1, :1]))
        return integrate_path(path, drifts, noise, steps * count).x

    def fixed(noise: Tensor, steps: int, order: Tensor) -> Tensor:
        path = sequential(torch.ones_like(noise[:1, :1]), order[None, None])
        return integrate_path(path, drifts, noise, steps * count).x

    def adaptive(noise: Tensor, steps: int, sign: int) -> Tensor:
        everywhere = torch.ones_like(noise[:, :1])

        def urgency(data: Tensor) -> Tensor:
            return sign * variance_bound(data)

        return integrate_adaptively(drifts, noise, everywhere, blocks, steps, urgency=urgency).x

    return {
        "all at once": at_once,
        "raster": partial(fixed, order=blocks),
        "morton": partial(fixed, order=morton(*size, side)),
        "most certain first": partial(adaptive, sign=-1),
        "least certain first": partial(adaptive, sign=1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder, sheet or collection")
    parser.add_argument("--model", help="a Hadamard flow; without it the drifts are exact")
    parser.add_argument("--prototypes", type=int, default=300)
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--side", type=int, default=7, help="of the blocks, without a model")
    parser.add_argument("--count", type=int, default=300, help="pictures of a row")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 5, 10], help="of a block")
    options = parser.parse_args()
    collection = open_collection(options.data, options.size, options.channels, train=False)
    if not isinstance(collection, Pictures):
        parser.error(f"{options.data} holds no pictures")
    side = options.side
    if options.model is None:
        drifts: Drifts = Prototypes(collection.first(options.prototypes))
        genuine = drifts.draw(5000, torch.Generator().manual_seed(99))
    else:
        flow = load_flow(options.model)
        if not isinstance(flow, HadamardFlow):
            parser.error(f"{options.model} holds no Hadamard flow")
        drifts, side, genuine = flow.drifts, flow.block_side, collection.first(5000)
    size = (options.size, options.size)
    print("| order | " + " | ".join(f"{steps} steps" for steps in options.steps) + " |")
    print("|---|" + "---|" * len(options.steps))
    for name, generate in orders(drifts, side, size).items():
        cells = []
        for steps in options.steps:
            distances = []
            for seed in range(options.first_seed, options.first_seed + options.seeds):
                shape = (options.count, options.channels, *size)
                noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
                with torch.no_grad():
                    made = torch.cat([generate(part, steps) for part in noise.split(100)])
                distances.append(frechet_distance(made.flatten(1), genuine.flatten(1)))
            found = torch.tensor(distances)
            cells.append(f"{found.mean():.2f} ± {found.std():.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
