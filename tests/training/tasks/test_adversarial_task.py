"""LaMa's full training: alternating steps, every loss by its weight, resuming bit for bit, mistakes."""

from itertools import count

import pytest
import torch
from checkpoints import checkpoint, compare, equal
from safetensors.torch import load_file
from torch.utils.tensorboard import SummaryWriter
from torchvision.models import resnet50

from latentinpaint.errors import InputError
from latentinpaint.lama import Dimensions, load_lama, save_lama
from latentinpaint.models import LamaAutoencoder
from latentinpaint.refiners import FFCRefiner, FlowRefiner
from latentinpaint.training.losses.adversarial import LossWeights, discriminator_loss, r1_penalty
from latentinpaint.training.losses.domains import DOMAINS
from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.weights import Model, load_autoencoder, load_pipeline, save_model

FRAMEWORK = ("--model.mask", "control", "--model.trained", "nothing", "--model.weights.latent", "1")
LAMA = ("--model.mask", "alpha", "--model.trained", "all")


def test_it_starts_with_the_weights_of_a_trained_model(adversarial_task, model_files):
    trained = load_pipeline(model_files["ffc"]).state_dict()
    fresh = adversarial_task().pipeline.state_dict()
    begun = adversarial_task(start=str(model_files["ffc"])).pipeline.state_dict()
    assert any(not torch.equal(fresh[name], trained[name]) for name in trained)
    assert begun.keys() == trained.keys()
    assert all(torch.equal(begun[name], trained[name]) for name in trained)


def test_it_does_not_start_with_another_architecture(adversarial_task, model_files):
    with pytest.raises(InputError, match=r"built otherwise, .*: set model.autoencoder, model.refiner and model.mask"):
        adversarial_task(start=str(model_files["ffc"]), mask="none")


def test_it_does_not_start_with_what_rests_on_another_autoencoder(adversarial_task, model_files, tmp_path):
    other = load_pipeline(model_files["ffc"])
    with torch.no_grad():
        next(other.autoencoder.parameters()).add_(0.1)
    save_model(Model(other), tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="another autoencoder"):
        adversarial_task(start=str(tmp_path))
    # One that is trained itself may start from there: its weights are among those lent.
    mine = adversarial_task(start=str(tmp_path), trained="all").pipeline
    assert torch.equal(next(mine.autoencoder.parameters()), next(other.autoencoder.parameters()))


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
@pytest.mark.parametrize("kind", [LAMA, FRAMEWORK, (*FRAMEWORK, "--model.space", "latent")])
def test_interrupted_and_resumed_equals_straight_over_20_steps(kind, lama, interrupt_at, monkeypatch):
    kind = (*kind, "--data.epoch_length", 32, "--model.r1_every", 3)  # eight steps an epoch
    straight = lama(*kind, name="straight", steps=20)
    interrupt_at(11)
    with pytest.raises(SystemExit):
        lama(*kind, name="stopped", steps=20)
    monkeypatch.undo()
    again = lama(*kind, "--ckpt_path", "last", name="stopped", steps=20)
    compare(straight, again)
    saved = checkpoint(again)
    assert saved["global_step"] == 20
    assert [state["state"][0]["step"].item() for state in saved["optimizer_states"]] == [20, 20]
    assert equal(load_file(straight / "model.safetensors"), load_file(again / "model.safetensors"))


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_both_learn_and_the_frozen_part_does_not(lama, model_files):
    folder = lama(*FRAMEWORK)
    saved = checkpoint(folder)["current_model_state"]
    torch.manual_seed(0)
    before = load_autoencoder(model_files["autoencoder"]).state_dict()
    frozen = {n.removeprefix("pipeline.autoencoder."): v for n, v in saved.items() if ".autoencoder." in n}
    assert equal(before, frozen)
    norms = [v for n, v in saved.items() if n.startswith("discriminator") and n.endswith("num_batches_tracked")]
    assert all(value == 2 for value in norms)  # two steps, targets and predictions as one batch
    model = load_pipeline(folder)
    assert model.control is not None
    assert any(tap.weight.abs().max() > 0 for tap in model.control.taps)


class Alternation:
    """Alternates on a batch and remembers what each gradient reached."""

    def __init__(self, task):
        self.task, self.reached, self.numbers = task, [], count()
        self.optimizers = task.configure_optimizers()

    def __call__(self, batch):
        steps = [optimizer.step for optimizer in self.optimizers]
        return self.task.alternating_step(batch, next(self.numbers), self.backward, *steps)

    def backward(self, loss, **options):
        before = {n: p.grad for n, p in self.task.named_parameters()}
        loss.backward(**options)
        self.reached.append({n.split(".")[0] for n, p in self.task.named_parameters() if p.grad is not before[n]})


def test_each_backward_reaches_its_own_parameters(adversarial_task, batch):
    made = adversarial_task(weights=LossWeights(perceptual=0))
    alternation = Alternation(made)
    figures = alternation(batch)
    assert alternation.reached == [{"pipeline"}, {"discriminator"}]
    assert {"loss", "l1", "adversarial", "matching", "gradient"} <= set(figures)
    assert {"discriminator", "r1", "real", "fake", "discriminator_gradient"} <= set(figures)
    assert all(torch.isfinite(value) for value in figures.values())


def test_the_sharing_of_one_pass_changes_no_gradient(adversarial_task, batch, monkeypatch):
    """The discriminator gets the gradient of a loss computed anew, before the generator moved."""
    made = adversarial_task(weights=LossWeights(perceptual=0, r1=0.5), discriminator_norm=False).double().eval()
    batch = {name: value.double() for name, value in batch.items()}
    with torch.no_grad():
        prediction = made.domain.loss_inputs(made.pipeline, made.generate(batch)).prediction
    image = batch["image"].clone().requires_grad_()
    real, fake = made.discriminator(image), made.discriminator(prediction)
    filled = made.discriminator.hole_of_patches(batch["mask"], fake.scores)
    loss = discriminator_loss(real, fake, filled) + 0.5 * r1_penalty(real.scores, image)
    expected = torch.autograd.grad(loss, list(made.discriminator.parameters()))
    alternation = Alternation(made)
    found = []

    def step():
        found.extend(parameter.grad.clone() for parameter in made.discriminator.parameters())

    monkeypatch.setattr(alternation.optimizers[1], "step", step)
    alternation(batch)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-7)


@pytest.fixture
def resnet_state():
    torch.manual_seed(0)
    return resnet50().state_dict()


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("latent", "latent"),
        ("adversarial", "adversarial"),
        ("feature_matching", "matching"),
        ("perceptual", "perceptual"),
        ("known", "l1"),
        ("missing", "l1"),
    ],
)
def test_every_loss_counts_by_its_weight(adversarial_task, name, figure, batch, resnet_state, tmp_path):
    """One weight alone: the loss is that figure, and three times it at three times the weight."""
    torch.save(resnet_state, tmp_path / "resnet.pth")
    none = {key: 0.0 for key in ("known", "missing", "adversarial", "feature_matching", "perceptual", "latent")}
    found = []
    for weight in (2.0, 6.0):
        weights = LossWeights(**{**none, name: weight})
        made = adversarial_task(weights=weights, perceptual_weights=str(tmp_path / "resnet.pth"))
        figures = Alternation(made)(batch)
        assert figures["loss"] == figures[figure] > 0
        found.append(figures["loss"].item())
    assert found[1] == pytest.approx(3 * found[0], rel=1e-4)


def test_known_and_missing_weigh_their_own_pixels(adversarial_task, batch):
    losses = {"adversarial": 0, "feature_matching": 0, "perceptual": 0}
    image, hole = batch["image"], batch["mask"]
    for known, missing in ((4.0, 0.0), (0.0, 5.0)):
        made = adversarial_task(weights=LossWeights(known=known, missing=missing, **losses)).eval()
        with torch.no_grad():
            prediction = made.pipeline.autoencoder.decode(
                made.pipeline.refiner.refine(made.pipeline.condition(image, hole))
            )
        where = hole if missing else 1 - hole
        expected = (known + missing) * ((prediction - image).abs() * where).sum() / image.numel()
        assert Alternation(made)(batch)["l1"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_penalty_comes_every_so_often_and_counts_as_often(adversarial_task, batch):
    weights = LossWeights(perceptual=0, r1=0.7)
    rare = Alternation(adversarial_task(weights=weights, r1_every=3))
    figures = [rare(batch) for _ in range(6)]
    assert ["r1" in step for step in figures] == [True, False, False, True, False, False]
    always = Alternation(adversarial_task(weights=weights))(batch)
    assert figures[0]["r1"] == always["r1"] > 0
    more = figures[0]["discriminator"] - always["discriminator"]
    assert more.item() == pytest.approx(2 * 0.7 * always["r1"].item(), rel=1e-3)


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_the_perceptual_network_is_kept_out_of_what_is_saved(lama, resnet_state, tmp_path):
    """A run that began without its weights is resumed with them."""
    torch.save(resnet_state, tmp_path / "resnet.pth")
    lama(*FRAMEWORK, steps=1)
    with_it = ("--model.perceptual_weights", tmp_path / "resnet.pth", "--ckpt_path", "last")
    saved = checkpoint(lama(*FRAMEWORK, *with_it, steps=2))
    assert saved["global_step"] == 2
    assert not [name for name in saved["state_dict"] if "perceptual" in name]


def test_weight_zero_leaves_out_what_it_needs(adversarial_task, batch, monkeypatch):
    made = adversarial_task(weights=LossWeights(perceptual=0, adversarial=0, feature_matching=0, missing=1))
    alternation = Alternation(made)
    monkeypatch.setattr(made.discriminator, "forward", None)  # would fail if it were called
    figures = alternation(batch)
    assert alternation.reached == [{"pipeline"}]
    assert set(figures) == {"loss", "l1", "gradient"}


def test_latent_space_never_decodes(adversarial_task, batch, monkeypatch):
    made = adversarial_task(space="latent")
    for autoencoder in (made.pipeline.autoencoder, made.fused_pipeline().autoencoder):
        monkeypatch.setattr(autoencoder, "decode", None)
        monkeypatch.setattr(autoencoder, "decode_features", None)
    alternation = Alternation(made)
    alternation(batch)
    assert alternation.reached == [{"pipeline"}, {"discriminator"}]


def test_it_learns(adversarial_task, batch):
    """Thirty steps on one batch: the losses of the generator fall although the discriminator learns too."""
    made = adversarial_task(weights=LossWeights(perceptual=0), learning_rate=3e-3)
    alternation = Alternation(made)
    losses = []
    for _ in range(30):
        figures = alternation(batch)
        losses.append(figures["l1"].item() + figures["matching"].item())
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_from_scratch_with_a_mask_channel(lama):
    own = ("--model.autoencoder", "latentinpaint.models.LamaAutoencoder")
    own = (*own, "--model.autoencoder.base_channels", "2", "--model.autoencoder.mask_channel", "true")
    folder = lama(*LAMA, start=own)
    model = load_pipeline(folder)
    assert model.autoencoder.mask_channel
    assert model.autoencoder.encoder[0][0].weight[:, 3].abs().max() > 0
    save_lama(model, folder / "lama" / "best.ckpt")  # what is trained as LaMa is a LaMa
    assert load_lama(folder / "lama" / "best.ckpt").dimensions == Dimensions(2, 16, 1, 12)
    with pytest.raises(InputError, match="not pretrained.* set model.trained to all"):
        lama("--model.mask", "control", "--model.trained", "nothing", start=own, name="other")
    with pytest.raises(InputError, match="no latents to aim at"):
        lama(*LAMA, "--model.weights.latent", "1", start=own, name="other")


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_the_two_rates_keep_their_ratio(lama, monkeypatch):
    rates = []

    def watch(callback, trainer, *rest):
        rates.append([o.param_groups[0]["lr"] for o in trainer.optimizers])

    monkeypatch.setattr("latentinpaint.training.callbacks.RunProgress.on_train_batch_end", watch)
    lama(*FRAMEWORK, "--model.discriminator_rate", "0.0002", "--model.warmup_steps", "0", steps=4)
    assert rates[0] == pytest.approx([1e-3, 2e-4])
    assert all(judge == pytest.approx(generator / 5) for generator, judge in rates)
    assert rates[3][0] < rates[1][0] < rates[0][0]


def test_health_is_written_down(lama, monkeypatch, recwarn):
    written = set()
    monkeypatch.setattr(SummaryWriter, "add_scalar", lambda self, name, *a, **k: written.add(name))
    lama(*FRAMEWORK, "--trainer.log_every_n_steps", "1")
    assert {"train/gradient", "train/discriminator_gradient", "train/real", "train/fake", "train/r1"} <= written
    assert any("perceptual loss is left out" in str(warning.message) for warning in recwarn)


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_a_clipped_gradient(lama, monkeypatch):
    norms = []

    def watch(task, trainer_optimizer):
        norms.append(torch.nn.utils.get_total_norm([p.grad for p in task.generator_parameters()]).item())

    monkeypatch.setattr(AdversarialTask, "on_before_optimizer_step", watch)
    lama(*FRAMEWORK, "--model.gradient_clip", "0.01")
    assert norms
    assert max(norms) <= 0.01 * (1 + 1e-4)


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--trainer.gradient_clip_val", "1"), "leave trainer.gradient_clip_val out: model.gradient_clip is"),
        (("--trainer.accumulate_grad_batches", "2"), "set trainer.accumulate_grad_batches to 1"),
        (("--trainer.strategy", "fsdp", "--ema", "0"), "set trainer.strategy to ddp"),
        (("--model.r1_every", "0"), "model.r1_every starts at 1"),
        (("--trainer.precision", "bf16-true"), "too coarse"),
        (("--trainer.precision", "16-true"), "too coarse"),
        (("--model.discriminator_rate", "0"), "model.discriminator_rate is above 0"),
        (("--model.weights.known", "-1"), "not below 0"),
        (("--model.perceptual_weights", "nowhere.pth"), "no file nowhere.pth"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(options, sentence, lama, tmp_path):
    with pytest.raises(InputError, match=sentence):
        lama(*FRAMEWORK, *options)
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
@pytest.mark.parametrize("space", DOMAINS)
def test_nothing_but_a_perceptual_loss_that_is_not_there(adversarial_task, space):
    with pytest.raises(InputError, match="set one of model.weights above 0"):
        adversarial_task(space=space, weights=LossWeights(known=0, adversarial=0, feature_matching=0))


def test_no_weight_at_all_and_a_flow_are_refused(model_files):
    with pytest.raises(InputError, match="one of them is above"):
        LossWeights(known=0, adversarial=0, feature_matching=0, perceptual=0)
    with pytest.raises(InputError, match="one fill for a hole: set model.refiner to ffc"):
        AdversarialTask(lambda c: FlowRefiner(c, width=16, multipliers=(1, 2)), str(model_files["autoencoder"]))


def test_an_autoencoder_that_is_to_be_trained_needs_none_before():
    made = AdversarialTask(
        lambda channels: FFCRefiner(channels, blocks=1),
        LamaAutoencoder(2, mask_channel=True),
        weights=LossWeights(perceptual=0),
        discriminator_width=4,
    )
    assert all(parameter.requires_grad for parameter in made.pipeline.parameters())
    assert made.truth is None
