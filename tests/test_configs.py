"""Every shipped configuration is parsed, and its trainer, data and task are built."""

from dataclasses import asdict

import pytest
import yaml

from latentinpaint.inference.texture import PatchTexture
from latentinpaint.training.cli import TrainingCLI
from latentinpaint.training.losses.adversarial import LossWeights
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.training.tasks.autoencoder_task import PretrainTask
from latentinpaint.training.tasks.flow_task import FlowTask
from latentinpaint.training.tasks.latent_task import LatentTask


def settings_of(path):
    return yaml.safe_load(path.read_text())


TRAININGS = [path for path in CONFIGS.rglob("*.yaml") if path.stem != "texture"]
FLOWS = sorted(path for path in TRAININGS if "flow" in settings_of(path)["model"])
LAMA = sorted(CONFIGS.glob("lama_*.yaml"))
FULL = [path for path in LAMA if path.stem != "lama_small"]
FILES = sorted(set(TRAININGS) - set(FLOWS) - set(LAMA))


def pretrains(settings):
    return isinstance(settings.get("model", {}).get("autoencoder"), dict)


def build(path, model_files, tmp_path, *options):
    """Trainer, task and data of a configuration, as the training tools make them."""
    settings = settings_of(path)
    arguments = ["--config", str(path), "--data.root", "samples", "--output", str(tmp_path / "run"), *options]
    if pretrains(settings):
        return TrainingCLI(PretrainTask, arguments, "unused")
    refiner = settings["model"].get("refiner", {}).get("init_args", {})
    if "start" in settings["model"] or "first" in refiner:  # the run before it, of which the default model came
        return TrainingCLI(LatentTask, [*arguments, "--model.start", "default"], "unused")
    arguments += ["--autoencoder", str(model_files["autoencoder"])]
    if "refiner" not in settings["model"]:
        arguments += ["--refiner", "ffc"]
    return TrainingCLI(LatentTask, arguments, "unused")


def test_there_are_configurations():
    assert {"pretrain_ae.yaml", "latent_ffc.yaml", "latent_flow.yaml"} <= {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_it_builds_what_it_says(path, model_files, tmp_path):
    settings = settings_of(path)
    cli = build(path, model_files, tmp_path)
    assert isinstance(cli.model, PretrainTask if pretrains(settings) else LatentTask)
    assert cli.trainer.max_steps == settings["trainer"]["max_steps"]
    assert cli.model.learning_rate == settings["model"].get("learning_rate", cli.model.learning_rate)
    assert (cli.datamodule.size, cli.datamodule.batch_size) == (
        settings["data"]["size"],
        settings["data"]["batch_size"],
    )
    described = settings["model"].get("autoencoder" if pretrains(settings) else "refiner")
    if described is not None:
        part = cli.model.autoencoder if pretrains(settings) else cli.model.pipeline.refiner
        assert type(part).__name__ == described["class_path"].rsplit(".", 1)[-1]
        for name, value in described.get("init_args", {}).items():
            assert part.arguments[name] == value, name
    if not pretrains(settings):
        assert (cli.model.pipeline.control is not None) == (settings["model"].get("mask", "control") == "control")
    cli.datamodule.setup("fit")
    crop = cli.datamodule.train_crops[0]
    assert crop["image"].shape == (3, settings["data"]["size"], settings["data"]["size"])
    assert not list(tmp_path.iterdir())  # building writes nothing


def test_the_ablation_varies_only_what_it_names():
    """Same pictures, steps and refiner in all: a row of the table differs from another by its name alone."""
    settings_by_name = {path.stem: settings_of(path) for path in CONFIGS.glob("ablation/[0-9]*.yaml")}
    assert len(settings_by_name) == 8
    for kind in ("FFCRefiner", "FlowRefiner"):
        own = {n: s for n, s in settings_by_name.items() if s["model"]["refiner"]["class_path"].endswith(kind)}
        assert len(own) >= 2
        for name, settings in own.items():
            model = settings["model"]
            assert model.pop("mask") == ("alpha" if "alpha" in name else "control" if "control" in name else "none")
            trained = "all" if name.startswith("1_") else "first" if name.startswith("3_") else "nothing"
            assert model.pop("trained") == trained
            objective = model.pop("objective", {"class_path": "LatentObjective"})["class_path"]
            assert objective.endswith("PixelObjective" if "pixel" in name else "LatentObjective")
            assert settings.pop("output") == f"runs/ablation/{name}"
            assert model["refiner"]["init_args"].pop("delta", False) == name.endswith("delta")
        first, *others = own.values()
        assert all(other == first for other in others)


def build_full(paths, tmp_path, *options):
    arguments = [word for path in paths for word in ("--config", str(path))]
    arguments += ["--data.root", "samples", "--output", str(tmp_path / "run"), *options]
    return TrainingCLI(AdversarialTask, arguments, "unused")


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
@pytest.mark.parametrize("small", [False, True], ids=["", "small"])
@pytest.mark.parametrize("path", FULL, ids=lambda path: path.name)
def test_a_full_recipe_is_what_it_says(path, small, model_files, tmp_path):
    settings = settings_of(path)
    smaller = settings_of(CONFIGS / "lama_small.yaml")
    scratch = isinstance(settings["model"].get("autoencoder"), dict) and not small
    given = () if scratch else ("--autoencoder", str(model_files["autoencoder"]))
    cli = build_full([path, CONFIGS / "lama_small.yaml"] if small else [path], tmp_path, *given)
    for part in ("model", "data", "trainer") if small else ():
        weights = settings["model"]["weights"] | smaller["model"]["weights"]
        settings[part] |= smaller[part] | ({"weights": weights} if part == "model" else {})
    task, model, data = cli.model, settings["model"], settings["data"]
    assert asdict(task.weights) == model["weights"]
    assert task.pipeline.refiner.arguments.items() >= model["refiner"]["init_args"].items()
    assert (task.pipeline.control is not None) == (model["mask"] == "control")
    assert task.pipeline.autoencoder.mask_channel == (model["mask"] == "alpha")
    assert task.discriminator.layers[0][0].out_channels == model["discriminator_width"]
    assert task.r1_every == model.get("r1_every", 1)
    assert (cli.datamodule.size, cli.datamodule.batch_size) == (data["size"], data["batch_size"])
    assert cli.trainer.max_steps == settings["trainer"]["max_steps"]
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_lama_has_its_published_size_and_weights(tmp_path):
    """27.05 million parameters, as published for lama-fourier; the losses' weights are LaMa's defaults."""
    task = build_full([CONFIGS / "lama_full.yaml"], tmp_path).model
    assert sum(p.numel() for p in task.pipeline.parameters()) == pytest.approx(27.05e6, abs=5e3)
    assert task.weights == LossWeights()


def build_flow(path, tmp_path):
    words = ["--config", str(path), "--output", str(tmp_path / "run")]
    if "target" not in settings_of(path)["data"]:  # a folder of the user's
        words += ["--data.target", "cifar10"]
    return TrainingCLI(FlowTask, words, "unused")


def shape_of(data):
    """The shape of a sample: pictures, windows of trajectories, or points."""
    if "size" in data:
        return data["channels"], data["size"], data["size"]
    if "window" in data:
        return 2, data["window"] // data["stride"], 1
    return (2,)


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.name)
def test_a_flow_is_what_it_says(path, tmp_path):
    settings = settings_of(path)
    cli = build_flow(path, tmp_path)
    described = settings["model"]["flow"]
    assert type(cli.model.flow).__name__ == described["class_path"].rsplit(".", 1)[-1]
    for name, value in described["init_args"].items():
        assert cli.model.flow.arguments[name] == value, name
    data = settings["data"]
    assert cli.model.flow.shape == shape_of(data)
    assert cli.trainer.max_steps == settings["trainer"]["max_steps"]
    assert cli.model.learning_rate == settings["model"]["learning_rate"]
    assert not list(tmp_path.iterdir())


def test_networks_have_their_published_sizes(tmp_path):
    """8,565,315 parameters each for the dogs' two networks, 205,953 for the digits' one."""
    dogs, digits = (build_flow(CONFIGS / f"{name}.yaml", tmp_path).model.flow for name in ("cifar_dogs", "mnist"))

    def size(network):
        return sum(parameter.numel() for parameter in network.parameters())

    assert size(dogs.velocity_network) == size(dogs.noise_network) == 8_565_315
    assert size(digits.network) == 205_953


@pytest.mark.parametrize("name", ["mnist", "dogs", "photos"])
def test_the_two_flows_of_a_prior_differ_by_the_map_of_alphas_alone(name, tmp_path):
    paths = [CONFIGS / f"prior_{name}{kind}.yaml" for kind in ("", "_hadamard")]
    sizes = []
    for path in paths:
        network = build_flow(path, tmp_path).model.flow.network
        sizes.append(sum(parameter.numel() for parameter in network.parameters()))
    one, other = map(settings_of, paths)
    assert sizes[1] - sizes[0] == 9 * one["model"]["flow"]["init_args"]["network_arguments"]["width"]
    for same in ("data", "trainer", "ema"):
        assert one[same] == other[same]
    assert one["model"]["learning_rate"] == other["model"]["learning_rate"]


@pytest.mark.parametrize("where", ["model", "data", "trainer"])
def test_an_unknown_key_is_found(where, model_files, tmp_path):
    settings = settings_of(CONFIGS / "smoke.yaml")
    settings[where]["no_such_key"] = 1
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(Exception, match="no_such_key"):
        build(path, model_files, tmp_path)


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("texture.yaml")), ids=lambda path: path.parent.name)
def test_a_recipe_s_texture_names_every_argument(path):
    assert PatchTexture(**settings_of(path)).arguments == settings_of(path)
