"""The metrics and feature networks that settings name, and the files of their weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from latentinpaint.errors import InputError, choose
from latentinpaint.evaluation.benchmark_config import EvaluationConfig, split_names
from latentinpaint.evaluation.evaluator import Evaluator
from latentinpaint.files import sha256_of
from latentinpaint.metrics.features import FEATURE_NETWORKS, FeatureNetwork
from latentinpaint.metrics.perceptual import LPIPS_BACKBONES, load_lpips
from latentinpaint.metrics.pixels import METRICS, Metric


def build_evaluator(config: EvaluationConfig) -> tuple[Evaluator, list[str]]:
    """Metrics and networks whose weights are here, and a note for each whose are not.

    Raises:
        InputError: if a name is unknown, or a file that was set cannot be used.
    """
    notes: list[str] = []
    metrics: list[Metric] = list(METRICS.values())
    networks: list[FeatureNetwork] = []
    weights: dict[str, str] = {}
    for name in split_names(config.lpips_network):
        backbone = choose(LPIPS_BACKBONES, name, "LPIPS network")
        path = _lpips_weights(config, name)
        with _noted(f"LPIPS({name})", path, notes):
            metric = load_lpips(name, path)
            metrics.append(metric)
            weights[metric.label] = sha256_of(backbone.weights.find(metric.label, path))
    for name in split_names(config.features):
        network = choose(FEATURE_NETWORKS, name, "feature network")
        path = _feature_weights(config, name)
        with _noted(network.distance, path, notes):
            networks.append(network(path))
            weights[network.distance] = sha256_of(network.file.find(network.distance, path))
    return Evaluator(metrics, networks, weights), notes


def build_evaluator_of_pictures(lpips_weights: str | None = None) -> tuple[Evaluator, list[str]]:
    """The metrics that every picture has by itself, without Fréchet and kernel distances; notes and errors likewise.

    Args:
        lpips_weights: torchvision's SqueezeNet file; None looks for it in torch's cache.
    """
    return build_evaluator(EvaluationConfig(images="", output="", features="", lpips_weights=lpips_weights))


def download_weights(config: EvaluationConfig, log: Callable[[str], None]) -> None:
    """Download the weights that are missing; `log` is called with a sentence for each file before."""
    files = []
    for name in split_names(config.lpips_network):
        if name in LPIPS_BACKBONES and _lpips_weights(config, name) is None:
            files.append(LPIPS_BACKBONES[name].weights)
    for name in split_names(config.features):
        if name in FEATURE_NETWORKS and _feature_weights(config, name) is None:
            files.append(FEATURE_NETWORKS[name].file)
    for file in dict.fromkeys(files):
        if not file.path.is_file():
            log(f"fetching {file.url} to {file.path}")
            file.fetch()


def _lpips_weights(config: EvaluationConfig, name: str) -> str | None:
    """The file set for an LPIPS network: the config's belongs to the first."""
    if name == split_names(config.lpips_network)[0]:
        return config.lpips_weights
    return None


def _feature_weights(config: EvaluationConfig, name: str) -> str | None:
    """The file set for a feature network; SqueezeNet's is LPIPS's own, if that looks through it."""
    if name == "inception":
        return config.inception_weights
    if name == "squeeze" and split_names(config.lpips_network)[:1] == ("squeeze",):
        return config.lpips_weights
    return None


@contextmanager
def _noted(name: str, path: str | None, notes: list[str]) -> Iterator[None]:
    """Leave a metric out and note it if its weights are missing, unless a person set that file."""
    try:
        yield
    except InputError as error:
        if path is not None:
            raise
        notes.append(f"{name} is left out: {error}")
