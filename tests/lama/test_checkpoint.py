"""Nothing in a checkpoint is run: hostile files leave no trace, real ones are read without their libraries."""

import collections
import os
import pickle
import subprocess
import sys
import typing
from types import ModuleType

import pytest
import torch
from oracles_lama import random_state, write_folder
from pytorch_lightning.callbacks import ModelCheckpoint

from latentinpaint.errors import InputError
from latentinpaint.lama import load_lama

ZIPPED = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def state():
    return random_state(ngf=2, blocks=1)


class Calls:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def module(monkeypatch):
    """Makes a module for the time of a test, so that its classes and functions can be pickled by name."""

    def make(name, **content):
        made = ModuleType(name)
        for key, value in content.items():
            value.__module__, value.__qualname__, value.__name__ = name, key, key
            setattr(made, key, value)
        parents = [name.rsplit(".", count)[0] for count in range(1, name.count(".") + 1)]
        for parent in parents:
            monkeypatch.setitem(sys.modules, parent, sys.modules.get(parent) or ModuleType(parent))
        monkeypatch.setitem(sys.modules, name, made)

    return make


def leave_mark(path):
    open(path, "w").close()


# Hostile files --------------------------------------------------------------------------------------------

PAYLOADS = {
    "system": (lambda mark: Calls(os.system, f"touch {mark}"), f"{os.name}.system"),
    "eval": (lambda mark: Calls(eval, f"open({str(mark)!r}, 'w')"), "builtins.eval"),
    "exec": (lambda mark: Calls(exec, f"open({str(mark)!r}, 'w')"), "builtins.exec"),
    "open": (lambda mark: Calls(open, str(mark), "w"), "io.open"),
    "getattr": (lambda mark: Calls(getattr, "text", "upper"), "builtins.getattr"),
}


@ZIPPED
@pytest.mark.parametrize("where", ["callbacks", "state_dict"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_payloads_do_not_run(payload, where, zipped, tmp_path):
    build, name = PAYLOADS[payload]
    mark, path = tmp_path / "mark", tmp_path / "best.ckpt"
    content = {"state_dict": state(), "callbacks": {}}
    content[where]["generator.model.1.bn_l.bias"] = build(mark)
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError) as error:
        load_lama(path)
    assert name in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)
    assert not mark.exists()
    torch.load(path, weights_only=False)  # the payload is a real one
    assert mark.exists() or payload == "getattr"


@pytest.mark.parametrize("protocol", range(6))
def test_plain_pickles_do_not_run(protocol, tmp_path):
    mark, path = tmp_path / "mark", tmp_path / "best.ckpt"
    path.write_bytes(pickle.dumps({"state_dict": Calls(os.system, f"touch {mark}")}, protocol))
    with pytest.raises(InputError) as error:
        load_lama(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert not mark.exists()


@ZIPPED
@pytest.mark.parametrize("name", ["pytorch_lightning.callbacks.evil", "lightning.evil", "omegaconf.evil"])
def test_a_trusted_name_is_not_called_either(name, zipped, module, tmp_path):
    """A function under a name that checkpoints may mention: an empty class stands for it, the call does nothing."""
    mark, path = tmp_path / "mark", tmp_path / "best.ckpt"

    def run(where):
        leave_mark(where)

    module(name, run=run)
    torch.save({"state_dict": state(), "callbacks": [Calls(run, mark.as_posix())]}, path,
               _use_new_zipfile_serialization=zipped)  # fmt: skip
    assert load_lama(path).dimensions.blocks == 1
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists()


@ZIPPED
def test_what_a_trusted_name_made_is_no_weight(zipped, module, tmp_path):
    def run(where):
        return torch.zeros(2)

    module("pytorch_lightning.evil", run=run)
    content = {"state_dict": {**state(), "generator.model.1.bn_l.bias": Calls(run, "x")}}
    torch.save(content, tmp_path / "best.ckpt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"model\.1\.bn_l\.bias is Inert"):
        load_lama(tmp_path / "best.ckpt")


def test_other_libraries_are_refused_by_name(module, tmp_path):
    module("pytorch_lightning_evil.part", Thing=type("Thing", (), {}))
    module("lightningx", Other=type("Other", (), {}))
    things = [sys.modules["pytorch_lightning_evil.part"].Thing, sys.modules["lightningx"].Other]
    torch.save({"state_dict": state(), "callbacks": things}, tmp_path / "best.ckpt")
    with pytest.raises(InputError, match=r"names lightningx\.Other, pytorch_lightning_evil\.part\.Thing, which"):
        load_lama(tmp_path / "best.ckpt")


def test_loading_leaves_no_trust_behind(tmp_path):
    torch.save({"state_dict": state(), "callbacks": {ModelCheckpoint: 1}}, tmp_path / "best.ckpt")
    load_lama(tmp_path / "best.ckpt")
    with pytest.raises(pickle.UnpicklingError, match="ModelCheckpoint"):
        torch.load(tmp_path / "best.ckpt", weights_only=True)


# Real ones ------------------------------------------------------------------------------------------------


def training_checkpoint():
    """What Lightning writes beside the weights, with the callback's class as a key, as old versions have it."""
    return {
        "epoch": 3,
        "global_step": 700,
        "pytorch-lightning_version": "1.2.9",
        "state_dict": collections.OrderedDict(state()),
        "callbacks": {ModelCheckpoint: {"best_model_score": torch.tensor(0.3), "dirpath": "/somewhere"}},
        "optimizer_states": [{"state": {0: {"step": 7, "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}],
        "lr_schedulers": [],
    }


@ZIPPED
def test_training_checkpoints(zipped, tmp_path):
    torch.save(training_checkpoint(), tmp_path / "best.ckpt", _use_new_zipfile_serialization=zipped)
    converted = load_lama(tmp_path / "best.ckpt")
    weight = converted.pipeline.state_dict()["autoencoder.encoder.0.0.weight"]
    assert torch.equal(weight, state()["generator.model.1.ffc.convl2l.weight"])
    assert converted.recipe["epoch"] == 3 and converted.recipe["global_step"] == 700


def test_lightning_is_not_imported(tmp_path):
    folder = write_folder(tmp_path / "lama", training_checkpoint())
    code = (
        "import sys; from latentinpaint.lama import load_lama;"
        f"load_lama({str(folder)!r}); print('pytorch_lightning' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False"], done.stderr


@ZIPPED
def test_settings_of_omegaconf_are_thrown_away(zipped, module, tmp_path):
    """Lightning stores a run's settings with it, OmegaConf's objects, which are made by calls."""

    class DictConfig:
        def __init__(self):
            self.content = {"ngf": AnyNode(2), "kinds": (int, dict, typing.Any, collections.defaultdict(list))}

        def __getstate__(self):
            return {"_content": self.content, "_parent": None}

        def __setstate__(self, state):
            raise AssertionError("the real class was used")

    class AnyNode:
        def __init__(self, value):
            self.value = value

    module("omegaconf.dictconfig", DictConfig=DictConfig)
    module("omegaconf.nodes", AnyNode=AnyNode)
    content = {**training_checkpoint(), "hyper_parameters": DictConfig()}
    torch.save(content, tmp_path / "best.ckpt", _use_new_zipfile_serialization=zipped)
    assert load_lama(tmp_path / "best.ckpt").dimensions.ngf == 2


# Files that are none --------------------------------------------------------------------------------------


def good_bytes(folder, zipped):
    torch.save({"state_dict": state()}, folder / "good", _use_new_zipfile_serialization=zipped)
    return (folder / "good").read_bytes()


@ZIPPED
@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.9999])
def test_cut_short(share, zipped, tmp_path):
    data = good_bytes(tmp_path, zipped)
    (tmp_path / "best.ckpt").write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError) as error:
        load_lama(tmp_path / "best.ckpt")
    assert "best.ckpt is no checkpoint" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"this is no checkpoint\n", b"\x80\x02.", b"PK\x03\x04" + bytes(50)])
def test_foreign_files(content, suffix, tmp_path):
    path = tmp_path / f"best{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_lama(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value) and "Error" not in str(error.value)


@pytest.mark.parametrize("content", [3, [1, 2], torch.zeros(3), {"state_dict": 5}, {}, {1: torch.zeros(1)}], ids=str)
def test_no_state_dict(content, tmp_path):
    torch.save(content, tmp_path / "best.ckpt")
    with pytest.raises(InputError, match=r"best\.ckpt holds no (state dict|generator)"):
        load_lama(tmp_path / "best.ckpt")


def test_programs_are_refused(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "big-lama.pt")
    with pytest.raises(InputError, match="TorchScript"):
        load_lama(tmp_path / "big-lama.pt")
