"""Two processes train one model: the gradients, validations, files and ends of one process with both batches."""

import os
import subprocess
import sys
from pathlib import Path

import process_pair
import pytest
import torch
from checkpoints import compare, equal
from process_pair import BATCH, ONE_STEP, RUNS, noise_of_two, normalised_by, train, values
from safetensors.torch import load_file

from latentinpaint.data.distributions import Normal, open_collection
from latentinpaint.data.flow_datamodule import Batches
from latentinpaint.runtime.randomness import numbered_generator
from latentinpaint.training.cli import TrainingCLI
from latentinpaint.training.tasks.flow_task import FlowTask
from latentinpaint.weights import load_autoencoder

MODEL_FILES = {"pretrain_ae": "autoencoder.safetensors", "train_flow": "flow.safetensors"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, model_files) -> Path:
    """Of the runs of two processes."""
    made = tmp_path_factory.mktemp("pair")
    (made / "models").mkdir()
    (made / "models" / "autoencoder.safetensors").write_bytes(model_files["autoencoder"].read_bytes())
    return made


@pytest.fixture(scope="module")
def pair(folder) -> list[dict]:
    """What the two processes noted."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment["TORCH_HOME"] = str(folder / "none")  # there are no perceptual weights
    processes = []
    for rank in range(2):
        command = [sys.executable, process_pair.__file__, str(rank), str(folder)]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for process in processes:
        try:
            errors = process.communicate(timeout=400)[1]
        except subprocess.TimeoutExpired:
            for each in processes:
                each.kill()
            raise
        assert process.returncode == 0, errors
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.fixture(scope="module")
def alone(folder) -> dict[str, dict]:
    """What one process with both batches does."""
    found = {}
    with pytest.MonkeyPatch.context() as patch, noise_of_two():
        patch.setenv("TORCH_HOME", str(folder / "none"))
        for name in ("pretrain_ae", "ffc", "flow", "lama"):
            options = [*ONE_STEP, "--data.batch_size", 2 * BATCH]
            if name == "pretrain_ae":  # the same eight pictures as two batches of four
                options += ["--model.statistic_batches", 2]
            found[name] = train(name, folder / "models", folder / f"{name}_alone", *options)
    return found


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
@pytest.mark.parametrize("run", [run for run in RUNS if not run.startswith("train_flow")])
def test_gradients_are_those_of_one_batch(run, pair, alone):
    expected = alone[run.split()[0]]["gradients"]
    assert expected
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    for of_process in pair:
        found = of_process[run]["gradients"]
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-5 * largest, msg=name)
        assert all(not found[name].any() for name in found.keys() - expected.keys())  # frozen parts


def flow_gradients(folder: Path) -> dict[str, torch.Tensor]:
    """The mean of the gradients of the batches that two processes of train_flow draw."""
    words = [*process_pair.command("train_flow", folder)[1], "--data.batch_size", str(BATCH), "--output", str(folder)]
    torch.manual_seed(0)
    cli = TrainingCLI.build(FlowTask, words, "unused")
    flow = cli.model.flow
    batches = Batches(Normal((2,)), open_collection("moons", 32, 3), BATCH, seed=0)
    for rank in range(2):
        batch = batches[rank]
        (flow.loss(batch["source"], batch["target"], numbered_generator(-1, rank))["loss"] / 2).backward()
    return {f"flow.{name}": parameter.grad for name, parameter in flow.named_parameters()}


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_gradients_of_a_flow_are_the_mean_of_two(strategy, pair, folder):
    expected = flow_gradients(folder)
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    for of_process in pair:
        found = of_process[f"train_flow {strategy}"]["gradients"]
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-5 * largest, msg=name)


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
@pytest.mark.parametrize("run", RUNS)
def test_one_process_writes_and_speaks_and_both_validate_alike(run, pair, alone, folder):
    name, strategy = run.split()
    first, second = (of_process[run] for of_process in pair)
    assert (first["status"], second["status"]) == (0, 0)
    assert first["printed"].count("the trained model is") == 1 and not second["printed"]
    for kind, drawn in first["batches"][0].items():
        assert drawn != second["batches"][0][kind], kind
    assert first["metrics"] == second["metrics"] and first["metrics"]
    assert (folder / f"{name}_{strategy}" / MODEL_FILES.get(name, "model.safetensors")).is_file()
    if name in alone:  # three photographs, which two processes cannot share evenly
        assert first["metrics"] == pytest.approx(alone[name]["metrics"], rel=1e-5)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_latents_are_measured_as_by_one(strategy, pair, alone, folder):
    found = load_autoencoder(folder / f"pretrain_ae_{strategy}")
    expected = load_autoencoder(folder / "pretrain_ae_alone")
    torch.testing.assert_close(found.latent_mean, expected.latent_mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.latent_std, expected.latent_std, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_one_that_is_interrupted_stops_both_and_they_go_on(strategy, pair, folder):
    for of_process in pair:
        runs = of_process[f"interrupted {strategy}"]
        assert runs["stopped"]["status"] == 130
        assert [len(runs[name]["batches"]) for name in ("straight", "stopped", "resumed")] == [3, 1, 2]
        assert runs["straight"]["batches"] == runs["stopped"]["batches"] + runs["resumed"]["batches"]
    straight, again = folder / f"straight_{strategy}", folder / f"stopped_{strategy}"
    assert equal(load_file(straight / "model.safetensors"), load_file(again / "model.safetensors"))
    if strategy == "ddp":
        compare(straight, again)  # the averaged weights as well


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_numbers_lost_in_one_stop_both(strategy, pair, folder):
    first, second = (of_process[f"lost {strategy}"] for of_process in pair)
    assert "stopped at step 1, where the loss of another process is not finite" in first["status"]
    assert second["status"] == 2 and not second["printed"]
    batches = [
        load_file(folder / f"lost_{strategy}" / name) for name in ("diverged.safetensors", "diverged_1.safetensors")
    ]
    assert not torch.equal(batches[0]["image"], batches[1]["image"])


def test_a_time_ends_both_at_the_same_step(pair):
    first, second = (of_process["max_time"] for of_process in pair)
    assert first["step"] == second["step"] > 0
    assert first["done"] == second["done"]  # and with them the learning rates, of clocks that differ


def test_a_shared_batch_norm_is_that_of_one_batch(pair):
    expected = normalised_by(torch.nn.BatchNorm2d(3), values(8).requires_grad_())
    for name in ("output", "gradient", "second"):
        both = torch.cat([of_process["norm"][name] for of_process in pair])
        scale = expected[name].abs().max().item()
        torch.testing.assert_close(both, expected[name], rtol=1e-5, atol=1e-5 * scale)
    for name in ("mean", "variance"):
        for of_process in pair:
            torch.testing.assert_close(of_process["norm"][name], expected[name])
