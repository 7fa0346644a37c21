"""Wrong inputs to training, evaluation and Python calls: one sentence that says what is right, status 2, no file."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.evaluation.statistics import mean_with_interval, paired_difference
from latentinpaint.metrics.pixels import evaluate_pair
from latentinpaint.training.recipe_files import configuration
from latentinpaint.weights import load_autoencoder, load_flow, load_model

PRETRAIN = "pretrain_ae --config smoke_pretrain_ae --output run "
LATENT = "train_latent --config smoke --refiner ffc --autoencoder nowhere --output run "
FLOW = "train_flow --config moons --output run "
EVALUATE = "evaluate --images photos --output out "
BENCHMARK = "benchmark --images photos --output out --methods telea "

COMMAND_LINES = {
    PRETRAIN + "--trainer.max_steps 0": "trainer.max_steps starts at 1",
    PRETRAIN + "--trainer.max_steps -5": "trainer.max_steps starts at -1",
    PRETRAIN + "--trainer.max_time yesterday": "such as 45m",
    PRETRAIN + "--trainer.precision 8": "--trainer.precision is one of 64, 32, 16,",
    PRETRAIN + "--trainer.accelerator toaster": "trainer.accelerator is one of auto, cpu",
    PRETRAIN + "--trainer.devices 0": "trainer.devices starts at 1",
    PRETRAIN + "--trainer.devices many": "trainer.devices is auto",
    PRETRAIN + "--trainer.logger NoLogger": "--trainer.logger is the full name of a class, not NoLogger",
    PRETRAIN + "--trainer.logger CSVLogger": "the option --trainer.logger.save_dir is missing",
    PRETRAIN
    + "--trainer.callbacks EarlyStopping --trainer.callbacks.monitor x --trainer.callbacks.mode up": "got up",
    PRETRAIN + "--trainer.val_check_interval 0": "trainer.val_check_interval is a number of steps",
    PRETRAIN + "--trainer.gradient_clip_val -1": "trainer.gradient_clip_val starts at 0",
    PRETRAIN + "--trainer.accumulate_grad_batches 0": "trainer.accumulate_grad_batches starts at 1",
    PRETRAIN + "--ema 1": "--ema is from 0 up to",
    PRETRAIN + "--save_minutes 0": "--save_minutes is above 0",
    PRETRAIN + "--seed_everything x": "takes true or false or a whole number, not x",
    PRETRAIN + "--model.learning_rate fast": "--model.learning_rate takes a number, not fast",
    PRETRAIN + "--model.statistic_batches 0": "model.statistic_batches starts at 1",
    PRETRAIN + "--data.batch_size 0": "data.batch_size starts at 1",
    PRETRAIN + "--data.seed x": "--data.seed takes a whole number",
    PRETRAIN + "--data.root": "--data.root",
    PRETRAIN + "--ckpt_path best": "best.ckpt",
    "pretrain_ae --config list.yaml --output run": "list.yaml holds no settings",
    "pretrain_ae --config empty.yaml --output run": "empty.yaml holds no settings",
    "pretrain_ae --config broken.yaml --output run": "broken.yaml cannot be read",
    "pretrain_ae --config keys.yaml --output run": "modle",
    "pretrain_ae --config moons --output run": "flow",
    "train_latent --config latent_fcc --output run": "such as latent_ffc",
    LATENT + "--model.mask both": "--model.mask is one of control, alpha, none, not both",
    LATENT + "--model.trained last": "--model.trained is one of nothing, first, all",
    LATENT + "--model.objective NoObjective": "--model.objective is the full name of a class",
    "train_lama --config smoke --output run --model.space sound": "--model.space is one of image, latent",
    "train_flow --output run": "such as --config moons",
    FLOW + "--data.target nowhere": "'nowhere'",
    FLOW + "--data.change melt": "'melt'",
    FLOW + "--model.flow.init_args.network none": "there is no network 'none'",
    FLOW + "--model.last_rate 5": "model.last_rate",
    EVALUATE + "--size small": "--size takes a whole number, not small",
    EVALUATE + "--jobs 0": "--jobs",
    EVALUATE + "--limit 0": "--limit",
    BENCHMARK + "--size 64 --masks masks": "leave size or masks out",
    BENCHMARK + "--num-samples none": "--num-samples takes a whole number",
    BENCHMARK + "--mask-present thick": "--mask-present",
}

PICTURE = torch.zeros(1, 3, 16, 16)
HOLE = torch.ones(1, 1, 16, 16)
CALLS = {
    "values for groups": (lambda: mean_with_interval([1.0, 2.0], ["a"]), "2 values for 1 groups"),
    "values for values": (lambda: paired_difference([1.0], [1.0, 2.0], ["a"], True), "cannot be compared"),
    "sizes of pictures": (lambda: evaluate_pair(PICTURE, PICTURE[..., 1:], HOLE), ""),
    "a mask for pictures": (lambda: evaluate_pair(PICTURE, PICTURE, HOLE[..., 1:]), ""),
    "no such recipe": (lambda: configuration("no_such"), "latentinpaint recipes"),
    "no such model": (lambda: load_model("no_such"), "default"),
    "no such autoencoder": (lambda: load_autoencoder("no_such"), "no_such"),
    "no such flow": (lambda: load_flow("no_such"), "no_such"),
}


@pytest.fixture
def place(tmp_path, monkeypatch, helpers):
    """A working folder with a few photographs and configurations that are none."""
    monkeypatch.chdir(tmp_path)
    helpers.write_photos(tmp_path / "photos", ("a.png", "b.png"))
    texts = {"list": "- a\n", "empty": "", "broken": "model: [1,\n", "keys": "modle:\n  learning_rate: 1\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_wrong_command_line_is_one_sentence(line, command, place):
    before = sorted(place.rglob("*"))
    name, *words = line.split()
    result = command(name, *words)
    assert result.status == 2, result
    assert len(result.complaints) == 1, result.err
    (sentence,) = result.complaints
    assert COMMAND_LINES[line] in sentence, sentence
    assert "Traceback" not in sentence and "typing." not in sentence and len(sentence) < 300
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_one_sentence(name):
    call, words = CALLS[name]
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value)
