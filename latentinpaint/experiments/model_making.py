"""Make a model like the default one: train its stages, set its texture, evaluate it, and write one file with its
card.

A recipe is a folder of configurations of the training commands, one for each stage, and ``texture.yaml`` with the
arguments of `PatchTexture`. It has no autoencoder of its own if its refiner's configuration names one, and may begin
with any stage that names a model to start from. What is made lives in one folder, and making it again goes on where
it was::

    photos/                    the photographs, unpacked or linked
    autoencoder/, refiner/ …   a run's folder for each stage, see `training.cli`
    default.safetensors        the model, called as the recipe's folder is
    MODEL_CARD.md              what it was made of, how, and how good it is
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import yaml

import latentinpaint
from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError, count_of
from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.evaluation.chosen_metrics import build_evaluator_of_pictures
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.evaluator import Evaluator, evaluate_all
from latentinpaint.evaluation.methods import BaselineMethod, Method, ModelMethod
from latentinpaint.evaluation.summary import Summary, summarise
from latentinpaint.experiments.card_figures import calibration, figures
from latentinpaint.experiments.photo_archives import PhotoArchive, gather_photographs
from latentinpaint.files import write_text
from latentinpaint.hub import model_card
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.pretrained.model_paths import AUTOENCODER_FILE, PIPELINE_FILE
from latentinpaint.training.cli import pretrain_ae, train_lama, train_latent
from latentinpaint.training.durations import as_clock, read_duration
from latentinpaint.weights import Model, load_model, read_header, round_to_half, save_model

CARD_FILE = "MODEL_CARD.md"
EVALUATED_SIZE = 256
SAMPLES = 8  # of each hole, where a model's fills differ


@dataclass(frozen=True)
class Stage:
    """A training that a recipe may hold.

    Attributes:
        name: of its configuration and of its folder.
        train: the training command.
        model_file: what it leaves.
        takes: the setting by which it takes what the stage before it left.
    """

    name: str
    train: Callable[[Sequence[str]], None]
    model_file: str
    takes: str | None = None


STAGES = (
    Stage("autoencoder", pretrain_ae, AUTOENCODER_FILE),
    Stage("refiner", train_latent, PIPELINE_FILE, "model.autoencoder"),
    Stage("refiner_again", train_latent, PIPELINE_FILE, "model.start"),
    Stage("deeper", train_latent, PIPELINE_FILE, "model.start"),
    Stage("shortcuts", train_latent, PIPELINE_FILE, "model.start"),
    Stage("adversarial", train_lama, PIPELINE_FILE, "model.start"),
)


@dataclass(frozen=True, kw_only=True)
class ModelMaking:
    """How a model is made.

    Attributes:
        photos: folders and zip files of photographs.
        output: folder of everything.
        recipe_folder: see the module.
        minutes: time for all stages, shared out in the proportions of the recipe; None takes the recipe's own.
        precision: of training, such as bf16-mixed.
        num_workers: processes that read and crop.
        evaluated: at most so many of the photographs held back are evaluated.
        lpips_weights: torchvision's SqueezeNet file; None looks for it in torch's cache.
        licence: of the model, for its card.
        command: the command line that makes it, for its card.
    """

    photos: Sequence[str]
    output: Path
    recipe_folder: Path
    minutes: float | None
    precision: str
    num_workers: int
    evaluated: int
    lpips_weights: str | None
    licence: str
    command: str

    def make(self) -> Path:
        """Make what is not made yet; returns the model's file.

        Raises:
            InputError: if a photograph's source, the recipe or the output folder cannot be used.
        """
        settings = self.stage_settings()
        texture = self.texture()
        evaluator = self.evaluator()
        archives = gather_photographs(self.photos, self.output / "photos")
        earlier = None
        for stage in STAGES:
            if stage.name in settings:
                self._train(stage, settings[stage.name], earlier)
                earlier = self.output / stage.name
        pipeline = load_model(self.output / list(settings)[-1]).pipeline
        round_to_half(pipeline)  # what is evaluated is what is written
        summary = self.evaluate(Model(pipeline, texture), evaluator)
        recipe = self.recipe(settings, archives, summary)
        path = self.output / f"{self.recipe_folder.resolve().name}.safetensors"
        save_model(Model(pipeline, texture, recipe), path, half=True)
        write_text(self.output / CARD_FILE, model_card(recipe, path.name))
        return path

    def stage_settings(self) -> dict[str, dict[str, Any]]:
        """The configurations of the recipe's stages, by name, in their order, with the time that each has here."""
        found = {}
        for stage in STAGES:
            path = self._configuration(stage.name)
            if path.is_file():
                found[stage.name] = _read_yaml(path)
        for name in _needed(found):
            if name not in found:
                raise InputError(
                    f"the recipe {self.recipe_folder} holds no {self._configuration(name).name}: "
                    "give the folder of one, or the recipe default"
                )
        return shared_out(found, self.minutes)

    def texture(self) -> PatchTexture:
        """The texture of the recipe; the default one if it does not say."""
        path = self._configuration("texture")
        if not path.is_file():
            return PatchTexture()
        try:
            return PatchTexture(**_read_yaml(path))
        except TypeError as error:
            raise InputError(f"{path} has a setting that no texture has: {error}") from error

    def evaluator(self) -> Evaluator:
        """What the model will be evaluated by; LPIPS is left out, and that is said, if its weights are not here.

        Raises:
            InputError: if a file of weights was named and cannot be used.
        """
        evaluator, notes = build_evaluator_of_pictures(self.lpips_weights)
        for note in notes:
            print(f"note: {note}")
        return evaluator

    def evaluate(self, model: Model, evaluator: Evaluator) -> Summary:
        """Compare the model, its networks alone and methods that need no training on the photographs held back."""
        methods: list[Method] = []
        for name in ("telea", "patchmatch"):
            try:
                BASELINES[name].check()
            except InputError as error:
                print(f"note: {name} is left out: {error}")
            else:
                methods.append(BaselineMethod(BASELINES[name]))
        options = FillOptions(SAMPLES, crop=None)
        methods.append(ModelMethod("networks", "the networks alone", model.pipeline, options))
        methods.append(ModelMethod("model", "the model", model.pipeline, options, model.texture))
        items = self._held_back()
        print(f"evaluating on {count_of(len(items), 'photograph')} held back")
        records = evaluate_all(items, methods, evaluator)
        return summarise(*records, evaluator.metrics, evaluator.networks, reference="model")

    def recipe(
        self, settings: dict[str, dict[str, Any]], archives: Sequence[PhotoArchive], summary: Summary
    ) -> dict[str, Any]:
        """What the model's file says about how it was made, as JSON."""
        stages = {}
        for name, each in settings.items():
            steps = read_header(self.output / name)["recipe"].get("steps")
            stages[name] = {"steps": steps, "settings": each}
        command = self.command
        start = _start(settings)
        if start is not None:
            earlier = read_header(start)["recipe"]
            stages = {**earlier.get("stages", {}), **stages}
            command = "\n".join([*filter(None, [earlier.get("command")]), command])
        photographs = count_of(len(summary.items), "photograph")
        return {
            "latentinpaint": latentinpaint.__version__,
            "torch": torch.__version__,
            "command": command,
            "photographs": list(map(asdict, archives)),
            "stages": stages,
            "evaluation": (
                f"{photographs} held back, {EVALUATED_SIZE}², thick holes, in the hole, "
                f"means with 95 % intervals over photographs.{calibration(summary)}"
            ),
            "figures": figures(summary),
            "licence": self.licence,
        }

    def _train(self, stage: Stage, settings: dict[str, Any], earlier: Path | None) -> None:
        """Train a stage from the earlier one's folder, or go on with it; nothing if its model is there."""
        folder = self.output / stage.name
        if (folder / stage.model_file).is_file():
            print(f"{stage.name}: is there, {folder / stage.model_file}")
            return
        print(f"{stage.name}:")
        options = {
            "config": self._configuration(stage.name),
            "output": folder,
            "data.root": self.output / "photos",
            "data.num_workers": self.num_workers,
            "trainer.precision": self.precision,
        }
        if time_budget(settings) is not None:
            options["trainer.max_time"] = settings["trainer"]["max_time"]
        if stage.takes is not None and earlier is not None:
            options[stage.takes] = earlier
        if (folder / "checkpoints" / "last.ckpt").is_file():
            options["ckpt_path"] = "last"
        words = []
        for name, value in options.items():
            words += [f"--{name}", str(value)]
        stage.train(words)

    def _held_back(self) -> list[DatasetItem]:
        """The photographs that no stage has trained on, each with a thick hole."""
        data = InpaintingDataModule(str(self.output / "photos"), size=EVALUATED_SIZE, val_masks="thick")
        data.setup("fit")
        assert data.val_crops is not None
        items = []
        for number in range(min(self.evaluated, len(data.val_crops))):
            crop = data.val_crops[number]
            items.append(DatasetItem(f"{number:03d}", crop["image"][None], crop["mask"][None], f"{number:03d}"))
        return items

    def _configuration(self, name: str) -> Path:
        return self.recipe_folder / f"{name}.yaml"


def time_budget(settings: dict[str, Any]) -> float | None:
    """The seconds of a configuration's ``trainer.max_time``; None if it has none."""
    written = (settings.get("trainer") or {}).get("max_time")
    if written is None:
        return None
    return read_duration("trainer.max_time", written).total_seconds()


def shared_out(settings: dict[str, dict[str, Any]], minutes: float | None) -> dict[str, dict[str, Any]]:
    """The stages' configurations, by name, with time budgets scaled so that they add up to the minutes.

    Without minutes, and where no stage has a budget, they are as they were.
    """
    total = 0.0
    for each in settings.values():
        total += time_budget(each) or 0.0
    if minutes is None or total == 0:
        return settings
    shared = {}
    for name, each in settings.items():
        shared[name] = each
        budget = time_budget(each)
        if budget is not None:
            max_time = as_clock(timedelta(seconds=max(1, round(budget * 60 * minutes / total))))
            shared[name] = {**each, "trainer": {**each["trainer"], "max_time": max_time}}
    return shared


def _needed(found: dict[str, dict[str, Any]]) -> list[str]:
    """The stages that a recipe cannot do without, of those that it holds."""
    if _start(found) is not None:
        return []
    model = found.get("refiner", {}).get("model") or {}
    if model.get("autoencoder") is not None:
        return ["refiner"]
    return ["autoencoder", "refiner"]


def _start(found: dict[str, dict[str, Any]]) -> str | None:
    """The model that a recipe's first stage goes on from; None if it begins anew."""
    for settings in found.values():
        return (settings.get("model") or {}).get("start")
    return None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"the configuration {path} cannot be read") from error
    if not isinstance(settings, dict):
        raise InputError(f"the configuration {path} holds no settings")
    return settings
