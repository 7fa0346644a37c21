"""The settings of a comparison of restorations; this module imports nothing heavy."""

from dataclasses import dataclass

from latentinpaint.evaluation.benchmark_config import EvaluationConfig


@dataclass(frozen=True, kw_only=True)
class RestorationConfig(EvaluationConfig):
    """What methods of restoration have in common when they are compared.

    Args:
        prior: flow file, or folder of a training run: a scheduled flow, linear in time, from noise to pictures, or a
            Hadamard flow.
        task: what is seen: box:H hides a centred square of half-size H pixels, random:P pixels with probability P,
            freeform:PRESET a drawn hole (thin, medium or thick); blur:S blurs by S pixels, average:K takes means over
            squares of K; denoise sees everything.
        noise: standard deviation of the noise on what is seen, pictures being in [-1, 1].
        hadamard: flow file or folder of the Hadamard flow for the method of that name; by default the prior, if it is
            one.
        validation: the first so many pictures choose each method's hyper-parameters, and the others are evaluated; 0
            takes hyper-parameters as they are, and evaluates all.
    """

    prior: str
    task: str
    noise: float = 0.05
    hadamard: str | None = None
    validation: int = 8
