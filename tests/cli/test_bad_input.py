"""What a person can get wrong: status 2, one plain sentence that names the thing, and no file touched."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from latentinpaint.cli import COMMANDS
from latentinpaint.cli import TRAINING as TRAINING_COMMANDS
from latentinpaint.training.recipe_files import CONFIGS

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH = 40, 48


def snapshot(folder):
    """Every file's bytes and every folder below `folder`."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.fixture(scope="session")
def finished_run(model_files, tmp_path_factory):
    """The folder of a run of two steps on the autoencoder "autoencoder"."""
    from latentinpaint.training.cli import train_latent

    folder = tmp_path_factory.mktemp("finished") / "run"
    train_latent(
        [
            *("--refiner", "ffc", "--config", str(CONFIGS / "smoke.yaml"), "--model.refiner.blocks", "1"),
            *("--autoencoder", str(model_files["autoencoder"]), "--output", str(folder)),
        ]
    )
    return folder


@pytest.fixture
def place(helpers, model_files, finished_run, tmp_path):
    """A folder with good and bad files; returns their paths by the names that the cases below use."""
    folder = tmp_path / "place"
    folder.mkdir()
    photo = Image.fromarray(helpers.smooth(HEIGHT, WIDTH))
    photo.save(folder / "photo.png")
    photo.save(folder / "whole.jpg", quality=95)
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[10:20, 10:30] = True
    helpers.write_hole(folder / "mask.png", hole)
    helpers.write_hole(folder / "small_mask.png", hole[:, :-1])
    helpers.write_hole(folder / "empty_mask.png", hole & False)
    (folder / "text.png").write_text("this is no picture")
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:-300])
    (folder / "zero.png").write_bytes(b"")
    (folder / "text.safetensors").write_text("this is no model")
    save_file({"weight": torch.zeros(2)}, folder / "foreign.safetensors")
    for name in ("void", "photos", "masks_of_others", "strangers", "unreadable", "half_bad"):
        (folder / name).mkdir()
    photo.save(folder / "photos" / "a.png")
    helpers.write_hole(folder / "masks_of_others" / "zebra_mask001.png", hole)
    photo.save(folder / "strangers" / "a.png")
    helpers.write_hole(folder / "strangers" / "zebra_mask001.png", hole)
    for name in ("one.png", "two.jpg"):
        (folder / "unreadable" / name).write_text("this is no picture")
    photo.save(folder / "half_bad" / "a.png")
    (folder / "half_bad" / "b.png").write_text("this is no picture")
    shutil.copytree(finished_run, folder / "run")
    run = folder / "corrupt_run" / "checkpoints"
    run.mkdir(parents=True)
    (run / "last.ckpt").write_bytes((finished_run / "checkpoints" / "last.ckpt").read_bytes()[:5000])
    paths = {path.name: path for path in folder.iterdir()}
    paths |= {"blocked": folder / "photo.png" / "below", "absent": folder / "absent", "configs": CONFIGS}
    return paths | {name: model_files[name] for name in ("ffc", "flow", "autoencoder", "other")}


def filled_in(text, place):
    """`text` with {names} replaced by their paths; names have dots, so `str.format` cannot."""
    return re.sub(r"{(.+?)}", lambda match: str(place[match[1]]), text)


def check(command, place, tmp_path, name, options, named):
    """Run a command that has to refuse."""
    before = snapshot(tmp_path)
    result = command(name, *filled_in(options, place).split())
    assert result.status == 2, result
    assert len(result.complaints) == 1, result.err
    sentence = result.complaints[0]
    assert "Traceback" not in sentence and "Error" not in sentence
    assert filled_in(named, place) in sentence, sentence
    changed = [str(path) for path, content in snapshot(tmp_path).items() if before.get(path, "") != content]
    assert not changed and set(before) <= set(snapshot(tmp_path))


INPAINT = {
    "missing-image": ("--image {absent} --mask {mask.png} --model {ffc}", "{absent}"),
    "missing-mask": ("--image {photo.png} --mask {absent} --model {ffc}", "{absent}"),
    "text-image": ("--image {text.png} --mask {mask.png} --model {ffc}", "{text.png}"),
    "text-mask": ("--image {photo.png} --mask {text.png} --model {ffc}", "{text.png}"),
    "truncated-jpeg": ("--image {cut.jpg} --mask {mask.png} --model {ffc}", "{cut.jpg}"),
    "zero-bytes": ("--image {zero.png} --mask {mask.png} --model {ffc}", "{zero.png}"),
    "zero-bytes-mask": ("--image {photo.png} --mask {zero.png} --model {ffc}", "{zero.png}"),
    "folder-as-image": ("--image {photos} --mask {mask.png} --model {ffc}", "{photos}"),
    "mask-of-another-size": ("--image {photo.png} --mask {small_mask.png} --model {ffc}", "{small_mask.png}"),
    "empty-mask": ("--image {photo.png} --mask {empty_mask.png} --model {ffc}", "{empty_mask.png}"),
    "unknown-option": ("--image {photo.png} --mask {mask.png} --model {ffc} --stps 3", "--stps"),
    "model-is-text": ("--image {photo.png} --mask {mask.png} --model {text.safetensors}", "{text.safetensors}"),
    "model-is-foreign": (
        "--image {photo.png} --mask {mask.png} --model {foreign.safetensors}",
        "{foreign.safetensors}",
    ),
    "model-is-missing": ("--image {photo.png} --mask {mask.png} --model {absent}", "{absent}"),
    "model-is-an-empty-folder": ("--image {photo.png} --mask {mask.png} --model {void}", "{void}"),
    "model-is-an-autoencoder": ("--image {photo.png} --mask {mask.png} --model {autoencoder}", "{autoencoder}"),
    "no-samples": ("--image {photo.png} --mask {mask.png} --model {flow} --num-samples 0", "--num-samples"),
    "negative-samples": ("--image {photo.png} --mask {mask.png} --model {flow} --num-samples -1", "--num-samples"),
    "no-steps": ("--image {photo.png} --mask {mask.png} --model {flow} --steps 0", "--steps"),
    "seed-of-wrong-type": ("--image {photo.png} --mask {mask.png} --model {ffc} --seed abc", "--seed takes a whole"),
    "steps-of-wrong-type": (
        "--image {photo.png} --mask {mask.png} --model {flow} --steps 1.5",
        "--steps takes a whole number, not 1.5",
    ),
    "option-without-value": ("--image {photo.png} --mask {mask.png} --model {ffc} --seed", "--seed"),
    "no-such-model": ("--image {photo.png} --mask {mask.png} --model nothing", "no model of that name: default"),
    "no-mask": ("--image {photo.png} --model {ffc}", "--mask"),
    "unknown-device": ("--image {photo.png} --mask {mask.png} --model {ffc} --device toaster", "toaster"),
    "device-that-is-not-here": ("--image {photo.png} --mask {mask.png} --model {ffc} --device cuda:99", "cuda:99"),
}


@pytest.mark.parametrize("case", INPAINT)
@pytest.mark.parametrize("existing", [False, True], ids=["new-output", "existing-output"])
def test_inpaint(case, existing, command, place, tmp_path):
    options, named = INPAINT[case]
    output = tmp_path / "out.png"
    if existing:
        output.write_bytes(b"kept")
    check(command, place, tmp_path, "inpaint", f"{options} --output {output}", named)
    assert output.exists() == existing


OUTPUTS = {
    "the-mask-itself": ("{mask.png}", "{mask.png}"),
    "the-image-itself": ("{photo.png}", "{photo.png}"),
    "parent-is-a-file": ("{blocked}/out.png", "{blocked}"),
    "unknown-suffix": ("{void}/out.xyz", "out.xyz"),
    "no-suffix": ("{void}/out", "{void}/out"),
    "a-folder": ("{void}", "{void}"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_inpaint_outputs(case, command, place, tmp_path):
    output, named = OUTPUTS[case]
    options = "--model {ffc} --image {photo.png} --mask {mask.png} --output " + output
    check(command, place, tmp_path, "inpaint", options, named)


# A run on many pictures refuses before the first where it can; see the last two for where it cannot.
OTHERS = {
    "unknown-command": ("inpant", "--model {ffc}", "inpant"),
    "folder-of-no-pairs": ("inpaint", "--model {ffc} --indir {photos} --outdir {void}", "{photos}"),
    "folder-of-strangers": ("inpaint", "--model {ffc} --indir {strangers} --outdir {void}", "zebra_mask001.png"),
    "missing-indir": ("inpaint", "--model {ffc} --indir {absent} --outdir {void}", "{absent}"),
    "indir-without-outdir": ("inpaint", "--model {ffc} --indir {strangers}", "--outdir"),
    "indir-and-image": ("inpaint", "--model {ffc} --indir {photos} --outdir {void} --image {photo.png}", "--image"),
    "evaluate-strangers": (
        "evaluate",
        "--images {photos} --masks {masks_of_others} --output {void}",
        "zebra_mask001",
    ),
    "evaluate-no-masks": ("evaluate", "--images {photos} --masks {void} --output {absent}", "{void}"),
    "evaluate-empty-folder": ("evaluate", "--images {void} --output {absent}", "{void}"),
    "evaluate-missing-folder": ("evaluate", "--images {absent} --output {void}", "{absent}"),
    "evaluate-bad-pictures": ("evaluate", "--images {unreadable} --output {void}", "one.png"),
    "evaluate-unknown-baseline": ("evaluate", "--images {photos} --output {void} --baselines mean,magic", "magic"),
    "evaluate-unknown-preset": ("evaluate", "--images {photos} --output {void} --mask-preset fat", "fat"),
    "evaluate-nothing-to-judge": ("evaluate", "--images {photos} --output {void} --baselines=", "--baselines"),
    "evaluate-model-text": ("evaluate", "--images {photos} --output {void} --model {text.safetensors}", "text.safet"),
    "evaluate-no-output": ("evaluate", "--images {photos}", "output"),
    "evaluate-no-samples": ("evaluate", "--images {photos} --output {void} --num-samples 0", "--num-samples"),
    "evaluate-features": ("evaluate", "--images {photos} --output {void} --features vgg", "vgg"),
    "evaluate-lpips": ("evaluate", "--images {photos} --output {void} --lpips-network resnet", "resnet"),
    "evaluate-inception": (
        "evaluate",
        "--images {photos} --output {void} --inception-weights {text.png}",
        "text.png",
    ),
    "evaluate-jobs-0": ("evaluate", "--images {photos} --output {void} --jobs 0", "--jobs"),
    "benchmark-nothing": ("benchmark", "--images {photos} --output {void}", "methods"),
    "benchmark-no-methods": ("benchmark", "--images {photos} --output {void} --methods=", "--methods"),
    "benchmark-unknown": ("benchmark", "--images {photos} --output {void} --methods telea,magic", "magic"),
    "benchmark-twins": ("benchmark", "--images {photos} --output {void} --methods telea,telea={strangers}", "telea"),
    "benchmark-empty-results": ("benchmark", "--images {photos} --output {void}/o --methods x={void}", "{void}"),
    "benchmark-preset-as-masks": (
        "benchmark",
        "--images {photos} --output {void} --methods telea --masks thick",
        "mask_preset thick",
    ),
    "benchmark-reference": (
        "benchmark",
        "--images {photos} --output {void} --methods telea --reference ns",
        "ns",
    ),
    "masks-missing-folder": ("make_masks", "--images {absent} --output {void}", "{absent}"),
    "masks-empty-folder": ("make-masks", "--images {void} --output {absent}", "{void}"),
    "masks-bad-pictures": ("make-masks", "--images {unreadable} --output {void}", "one.png"),
    "masks-unknown-preset": ("make-masks", "--images {photos} --output {void} --mask-preset fat", "fat"),
    "masks-none": ("make-masks", "--images {photos} --output {void} --per-image 0", "--per-image"),
    "masks-among-pictures": ("make-masks", "--images {photos} --output {photos}/masks", "{photos}"),
    "evaluate-among-pictures": ("evaluate", "--images {photos} --output {photos}/report", "{photos}"),
    "masks-blocked": ("make-masks", "--images {photos} --output {blocked}", "{blocked}"),
    "evaluate-limit-0": ("evaluate", "--images {photos} --output {void} --limit 0", "--limit"),
    "evaluate-size-0": ("evaluate", "--images {photos} --output {void} --size 0", "--size"),
    "evaluate-size-and-masks": ("evaluate", "--images {photos} --output {void} --masks {photos} --size 8", "size or"),
    "evaluate-blocked-output": ("evaluate", "--images {photos} --output {blocked}", "{blocked}"),
    "evaluate-bad-lpips": (
        "evaluate",
        "--images {photos} --output {void} --lpips-weights {text.png}",
        "{text.png}",
    ),
    "visualize-other-autoencoder": (
        "visualize_latent_diff",
        "--autoencoder {other} --model {ffc} --image {photo.png} --mask {mask.png} --output {void}/o.png",
        "{ffc}",
    ),
    "visualize-missing-autoencoder": (
        "visualize-latent-diff",
        "--autoencoder {absent} --image {photo.png} --mask {mask.png} --output {void}/o.png",
        "{absent}",
    ),
    "visualize-size": (
        "visualize_latent_diff",
        "--autoencoder {other} --image {photo.png} --mask {small_mask.png} --output {void}/o.png",
        "{small_mask.png}",
    ),
    "visualize-empty-mask": (
        "visualize_latent_diff",
        "--autoencoder {other} --image {photo.png} --mask {empty_mask.png} --output {void}/o.png",
        "{empty_mask.png}",
    ),
    "visualize-output": (
        "visualize_latent_diff",
        "--autoencoder {other} --image {photo.png} --mask {mask.png} --output {void}/o.jpg",
        "o.jpg",
    ),
    "quickstart-no-steps": ("quickstart", "--steps 0 --output {void}/q", "--steps"),
    "quickstart-half-a-step": ("quickstart", "--steps 0.5 --output {void}/q", "--steps"),
    "quickstart-by-time": ("quickstart", "--minutes 1 --output {void}/q", "--minutes"),
    "quickstart-blocked": ("quickstart", "--steps 1 --output {blocked}", "{blocked}"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_commands(case, command, place, tmp_path):
    check(command, place, tmp_path, *OTHERS[case])


LATENT = "--config {configs}/smoke.yaml --output {void}/run "
GO_ON = "--refiner ffc --config {configs}/smoke.yaml --model.refiner.blocks 1 "
PRETRAIN = "--config {configs}/smoke_pretrain_ae.yaml --output {void}/run "
TRAINING = {
    "unknown-refiner": ("train_latent", LATENT + "--autoencoder {autoencoder} --refiner unet", "unet"),
    "no-refiner": ("train_latent", LATENT + "--autoencoder {autoencoder}", "refiner"),
    "no-autoencoder": ("train_latent", LATENT + "--refiner ffc", "autoencoder"),
    "refiner-contradicts": (
        "train_latent",
        "--refiner flow --config {configs}/latent_ffc.yaml --output {void}/run --autoencoder {autoencoder}",
        "latent_ffc.yaml",
    ),
    "missing-autoencoder": ("train_latent", LATENT + "--refiner ffc --autoencoder {absent}", "{absent}"),
    "autoencoder-is-text": ("train_latent", LATENT + "--refiner ffc --autoencoder {text.safetensors}", "text.safet"),
    "missing-config": ("train_latent", "--refiner ffc --config {absent} --output {void}/run", "{absent}"),
    "holds-a-run": ("train_latent", GO_ON + "--autoencoder {autoencoder} --output {run}", "{run}"),
    "other-autoencoder": (
        "train_latent",
        GO_ON + "--autoencoder {other} --output {run} --ckpt_path last",
        "autoencoder",
    ),
    "other-model-settings": (
        "train_latent",
        GO_ON + "--autoencoder {autoencoder} --output {run} --ckpt_path last --model.refiner.blocks 2",
        "last.ckpt",
    ),
    "corrupt-checkpoint": (
        "train_latent",
        GO_ON + "--autoencoder {autoencoder} --output {corrupt_run} --ckpt_path last",
        "{corrupt_run}",
    ),
    "no-checkpoint": (
        "train_latent",
        GO_ON + "--autoencoder {autoencoder} --output {void}/run --ckpt_path last",
        "{void}/run",
    ),
    "missing-checkpoint-file": (
        "train_latent",
        GO_ON + "--autoencoder {autoencoder} --output {void}/run --ckpt-path {absent}",
        "{absent}",
    ),
    "foreign-checkpoint": (
        "train_latent",
        GO_ON + "--autoencoder {autoencoder} --output {void}/run --ckpt_path {foreign.safetensors}",
        "{foreign.safetensors}",
    ),
    "empty-folder": ("pretrain_ae", PRETRAIN + "--data.root {void}", "{void}"),
    "missing-folder": ("pretrain_ae", PRETRAIN + "--data.root {absent}", "{absent}"),
    "unreadable-folder": ("pretrain_ae", PRETRAIN + "--data.root {unreadable}", "pictures can be read"),
    "unreadable-folder-in-a-worker": (
        "pretrain_ae",
        PRETRAIN + "--data.root {unreadable} --data.num_workers 1",
        "pictures can be read",
    ),
    "unreadable-validation": (
        "pretrain_ae",
        PRETRAIN + "--data.root {photos} --data.val_root {unreadable}",
        "pictures can be read",
    ),
    "odd-size": ("pretrain_ae", PRETRAIN + "--data.size 30", "data.size"),
    "unknown-augmentation": ("pretrain_ae", PRETRAIN + "--data.augmentation flip", "flip"),
    "unknown-preset": ("pretrain_ae", PRETRAIN + "--data.masks fat", "fat"),
    "small-zoom": ("pretrain_ae", PRETRAIN + "--data.zoom 0.5", "zoom"),
    "no-pictures-for-masks": ("pretrain_ae", PRETRAIN + "--data.mask_dir {void}", "{void}"),
    "unknown-option": ("pretrain_ae", PRETRAIN + "--data.roots x", "--data.roots"),
    "wrong-type": (
        "pretrain_ae",
        PRETRAIN + "--trainer.max_steps soon",
        "--trainer.max_steps takes a whole number, not soon",
    ),
    "wrong-type-inside": (
        "pretrain_ae",
        PRETRAIN + "--model.autoencoder.base_channels wide",
        "'base_channels' of --model.autoencoder takes a whole number, not wide",
    ),
    "setting-of-no-class": (
        "pretrain_ae",
        "--data.root samples --output {void}/run --model.autoencoder.base_channels 4",
        "name it first, with --model.autoencoder",
    ),
    "blocked-output": ("pretrain_ae", PRETRAIN + "--output {blocked}", "{blocked}"),
}


@pytest.mark.parametrize("case", TRAINING)
def test_training(case, command, place, tmp_path):
    check(command, place, tmp_path, *TRAINING[case])


def test_help_for_nothing_and_for_help(command):
    assert command(None).status == 2
    result = command(None, "--help")
    assert result.status == 0 and "quickstart" in result.out
    version = command(None, "--version")
    assert version.status == 0 and version.out.startswith("latentinpaint ")


def test_python_runs_the_package_as_the_command(tmp_path):
    def run(*words):
        program = [sys.executable, "-m", "latentinpaint", *words]
        return subprocess.run(program, capture_output=True, text=True, cwd=tmp_path)

    version = run("--version")
    assert (version.returncode, version.stderr) == (0, "") and version.stdout.startswith("latentinpaint ")
    wrong = run("no-command")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("latentinpaint: there is no command 'no-command': choose one of ")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_every_option(name, command):
    """Of every command; those of training read their own command line."""
    import importlib
    import inspect

    result = command(None, name.replace("_", "-"), "--help")
    assert result.status == 0 and "--help" in result.out
    if name in TRAINING_COMMANDS:
        return
    module = importlib.import_module(f"latentinpaint.cli.{name}")
    typed = getattr(module, "Options", None) or module.command
    for option in inspect.signature(typed).parameters:
        assert f"--{option.replace('_', '-')}" in result.out


def test_training_in_a_process_of_its_own_says_one_line(place, tmp_path):
    """What Lightning says of seeds and devices goes to standard error too; only a process shows it."""
    options = filled_in(PRETRAIN + "--data.root {void}", place).split()
    tool = str(ROOT / "tools" / "pretrain_ae.py")
    result = subprocess.run([sys.executable, tool, *options], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert str(place["void"]) in result.stderr
