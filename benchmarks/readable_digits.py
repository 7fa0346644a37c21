"""How many generated digits a classifier can read, which is trained first and tested on real ones.

    python benchmarks/readable_digits.py --data TRAIN TEST --labels TRAIN_LABELS TEST_LABELS linear=digits.png

TRAIN and TEST are MNIST's sheets or folders of pictures, the labels MNIST's own files in the same order
(train-labels-idx1-ubyte and t10k-labels-idx1-ubyte, unpacked). A digit counts as read where the mean probability of
its class, over the classifiers of a few seeds, is at least `--sure`; real test digits are judged alike, which says
how much can be asked for. The entropy of the classes is 3.32 bits where all ten are equally frequent.
"""

import argparse
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.datasets.mnist import read_label_file

from latentinpaint.data.distributions import open_collection

SIZE = 28
BATCH = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="+", help="NAME=SHEET, what `sample` wrote")
    parser.add_argument("--data", nargs=2, required=True, metavar=("TRAIN", "TEST"))
    parser.add_argument("--labels", nargs=2, required=True, metavar=("TRAIN", "TEST"))
    parser.add_argument("--steps", type=int, default=2000, help="training steps of a classifier")
    parser.add_argument("--seeds", type=int, default=3, help="classifiers, each with a seed of its own")
    parser.add_argument("--sure", type=float, default=0.9, help="probability from which a digit counts as read")
    options = parser.parse_args()
    train, test = (open_collection(name, SIZE, 1, train=name == options.data[0]).first() for name in options.data)
    train_labels, test_labels = (read_label_file(name) for name in options.labels)
    classifiers = [trained(train, train_labels, options.steps, seed) for seed in range(options.seeds)]
    correct = (probabilities(classifiers, test).argmax(1) == test_labels).float().mean()
    print(f"{options.seeds} classifiers together: {100 * correct:.2f} % of {len(test)} test digits are right")
    print(f"| samples | number | read, p ≥ {options.sure:g} | mean p | entropy of classes, bits |")
    print("|---|---|---|---|---|")
    print(row("test digits", probabilities(classifiers, test), options.sure))
    for argument in options.samples:
        name, _, sheet = argument.partition("=")
        samples = open_collection(sheet, SIZE, 1).first()
        print(row(name, probabilities(classifiers, samples), options.sure), flush=True)


def trained(digits: Tensor, labels: Tensor, steps: int, seed: int) -> nn.Module:
    """A small convolutional classifier of digits (N, 1, 28, 28) in [-1, 1], trained on shifted crops."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(), nn.AdaptiveMaxPool2d(1)),
        *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 10)),
    )
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(digits), (BATCH,))
        shift = torch.randint(-2, 3, (2,)).tolist()
        loss = F.cross_entropy(network(digits[chosen].roll(shift, (2, 3))), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def probabilities(classifiers: Sequence[nn.Module], digits: Tensor) -> Tensor:
    """Mean probabilities (N, 10) of the classes."""
    total = torch.zeros(len(digits), 10)
    for network in classifiers:
        total += torch.cat([network(part).softmax(1) for part in digits.split(1000)])
    return total / len(classifiers)


def row(name: str, chances: Tensor, sure: float) -> str:
    """One line of the table."""
    best = chances.max(1).values
    shares = chances.mean(0)
    entropy = -(shares * shares.clamp(min=1e-9).log2()).sum()
    return (
        f"| {name} | {len(best)} | {100 * (best >= sure).float().mean():.1f} % | {best.mean():.3f} | {entropy:.2f} |"
    )


if __name__ == "__main__":
    main()
