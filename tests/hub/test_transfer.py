"""Files from and to a stand-in of the Hub that speaks its HTTP interface: which requests, which sentences."""

import logging
import sys
import warnings

import pytest

from latentinpaint.errors import InputError, MissingPackageError
from latentinpaint.hub import HubName, download, upload

TOKEN = "hf_secret_of_the_writer"
FILES = ("model.safetensors", "flow.safetensors")


@pytest.fixture
def first(hub):
    """The first commit of org/name, with a file that nobody asks for."""
    return hub.commit("org/name", {"model.safetensors": b"first", "pytorch_model.bin": b"pickled"})


def content(model):
    return download(model, FILES).read_bytes()


def test_only_what_is_asked_for_is_fetched(hub, first):
    assert content(HubName("org/name")) == b"first"
    assert {request.rpartition("/")[2] for request in hub.files_asked()} == {"model.safetensors"}


def test_the_first_file_that_is_there(hub):
    hub.commit("org/flow", {"flow.safetensors": b"a flow"})
    assert content(HubName("org/flow")) == b"a flow"


def test_a_revision_stays_and_its_absence_follows(hub, first):
    second = hub.commit("org/name", {"model.safetensors": b"second"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert content(HubName("org/name", first)) == b"first"
        assert content(HubName("org/name", second)) == b"second"
    hub.commit("org/name", {"model.safetensors": b"third"})
    assert content(HubName("org/name")) == b"third"
    assert content(HubName("org/name", first)) == b"first"


def test_a_commit_that_is_in_the_cache_needs_no_network(hub, first, monkeypatch):
    content(HubName("org/name", first))
    content(HubName("org/name"))
    asked = hub.files_asked()
    assert content(HubName("org/name", first)) == b"first"
    assert hub.files_asked() == asked
    hub.failing = 503
    assert content(HubName("org/name")) == b"first"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert content(HubName("org/name", first)) == b"first"


def test_what_the_log_says_pins_the_commit(hub, first, caplog):
    with caplog.at_level(logging.INFO, "latentinpaint"):
        content(HubName("org/name"))
    assert f"model.safetensors of the commit {first}" in caplog.text


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("nobody/nothing", "there is no file or folder nobody/nothing, and http.* shows no model nobody/nothing"),
        ("org/secret", "shows no model org/secret: is the name right. If it is private, log in with hf auth login"),
        ("org/gated", "has to be asked for"),
        ("org/name@v9", "org/name has no revision v9"),
        ("org/other", "org/other on the Hugging Face Hub holds no model.safetensors and no flow.safetensors"),
    ],
)
def test_what_is_not_given_is_one_sentence(hub, first, model, sentence):
    hub.commit("org/secret", {"model.safetensors": b"secret"})
    hub.private.add("org/secret")
    hub.commit("org/gated", {"model.safetensors": b"gated"})
    hub.gated.add("org/gated")
    hub.commit("org/other", {"model.bin": b"of another program"})
    name, _, revision = model.partition("@")
    with pytest.raises(InputError, match=sentence):
        download(HubName(name, revision or None), FILES)


def test_without_a_network(hub, first, monkeypatch):
    model = HubName("org/name")
    hub.failing = 503
    with pytest.raises(InputError, match="answers org/name with status 503: try again later"):
        download(model, FILES)
    hub.failing = None
    hub.stop()
    with pytest.raises(InputError, match="cannot be reached for org/name: is this machine online"):
        download(model, FILES)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="cannot be reached for org/name"):
        download(model, FILES)


def test_a_disk_that_takes_nothing(hub, first, tmp_path):
    (tmp_path / "cache").touch()
    with pytest.raises(InputError, match="could not be kept in the cache"):
        download(HubName("org/name"), FILES)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPackageError, match=r"no file .* org/name, .* pip install 'latentinpaint\[hub\]'"):
        download(HubName("org/name"), FILES)


def test_upload(hub, tmp_path, monkeypatch, caplog, capfd):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    made = upload(file, "me/mine", "# Card", private=True)
    (_, _), (number, files) = hub.commits["me/mine"]
    assert made == HubName("me/mine", number)
    assert files == {".gitattributes": b"", "model.safetensors": b"weights", "README.md": b"# Card"}
    assert hub.private == {"me/mine"}
    assert content(made) == b"weights"
    hub.commit("me/mine", {"README.md": b"# By hand"})
    file.write_bytes(b"better weights")
    made = upload(file, "me/mine", "# Card", private=False)
    number, files = hub.commits["me/mine"][-1]
    assert made == HubName("me/mine", number) and hub.private == {"me/mine"}
    assert files["model.safetensors"] == b"better weights" and files["README.md"] == b"# By hand"
    assert set(hub.tokens) == {TOKEN, ""}
    assert TOKEN not in caplog.text and TOKEN not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (None, "nothing was uploaded: .* log in with hf auth login"),
        ("hf_secret_of_a_reader", "does not let you do this with me/mine: log in .* as one of its owners"),
    ],
)
def test_who_may_not_write(hub, tmp_path, monkeypatch, capfd, caplog, token, sentence):
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(InputError, match=sentence) as caught:
        upload(tmp_path / "model.safetensors", "me/mine", "# Card", private=False)
    assert hub.commits == {}
    said = str(caught.value) + caplog.text + "".join(capfd.readouterr())
    assert "secret" not in said and "\n" not in str(caught.value)
