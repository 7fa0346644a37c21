"""Where weights are looked for, how they are fetched (from this machine's own files), and what is not read."""

import hashlib
import os
import pickle
from collections import OrderedDict

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.metrics.weight_files import ALEXNET, INCEPTION, SQUEEZENET, VGG, WeightFile, read_state

CONTENT = b"weights, let us say"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty folder where torch keeps its files."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def published(folder, digits):
    """A file that can be fetched without a network, with these digits in its name."""
    path = folder / f"net-2015-12-05-{digits}.pth"
    path.write_bytes(CONTENT)
    return WeightFile(path.as_uri(), "somebody")


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


# ---- names


@pytest.mark.parametrize(
    ("file", "name", "digits", "host"),
    [
        (SQUEEZENET, "squeezenet1_1-b8a52dc0.pth", "b8a52dc0", "download.pytorch.org"),
        (ALEXNET, "alexnet-owt-7be5be79.pth", "7be5be79", "download.pytorch.org"),
        (VGG, "vgg16-397923af.pth", "397923af", "download.pytorch.org"),
        (INCEPTION, "weights-inception-2015-12-05-6726825d.pth", "6726825d", "github.com"),
    ],
)
def test_the_published_files(file, name, digits, host, home):
    assert file.file_name == name and file.checksum == digits
    assert file.url.startswith(f"https://{host}/") and file.url.endswith(f"/{name}")
    assert file.path == home / "hub" / "checkpoints" / name


# ---- finding


def test_the_given_file_is_found(tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(CONTENT)
    assert SQUEEZENET.find("LPIPS", path) == path == SQUEEZENET.find("LPIPS", str(path))


def test_without_one_given_it_is_the_one_in_its_place():
    SQUEEZENET.path.parent.mkdir(parents=True)
    SQUEEZENET.path.write_bytes(CONTENT)
    assert SQUEEZENET.find("LPIPS") == SQUEEZENET.path
    with pytest.raises(InputError):  # a given one that is absent is not replaced by another
        SQUEEZENET.find("LPIPS", SQUEEZENET.path.with_name("absent.pth"))


@pytest.mark.parametrize("given", [None, "absent.pth", "folder"])
def test_a_missing_file_is_named_with_what_to_do(given, tmp_path):
    (tmp_path / "folder").mkdir()
    path = given and tmp_path / given
    with pytest.raises(InputError) as caught:
        INCEPTION.find("FID", path)
    sentence = str(caught.value)
    assert sentence.startswith("FID needs torch-fidelity's weights") and sentence.endswith(".")
    assert str(path or INCEPTION.path) in sentence and "\n" not in sentence
    assert f"fetch {INCEPTION.url} and save it as {INCEPTION.path}" in sentence


# ---- fetching


def test_a_file_is_fetched_to_its_place_and_checked(tmp_path, home):
    file = published(tmp_path, hashlib.sha256(CONTENT).hexdigest()[:8])
    assert file.fetch() == file.path == file.find("FID")
    assert files(home) == [file.path] and file.path.read_bytes() == CONTENT


def test_a_file_with_another_checksum_is_not_kept(tmp_path, home):
    file = published(tmp_path, "00000000")
    with pytest.raises(InputError, match="cannot download .*00000000.pth"):
        file.fetch()
    assert files(home) == []


def test_a_file_that_does_not_exist_leaves_none(tmp_path, home):
    file = WeightFile((tmp_path / "absent-00000000.pth").as_uri(), "somebody")
    with pytest.raises(InputError) as caught:
        file.fetch()
    assert file.url in str(caught.value) and str(file.path) in str(caught.value)
    assert files(home) == []


def test_the_address_and_the_checksum_are_passed_on(monkeypatch):
    asked = []

    def download(url, to, digits):
        asked.append((url, digits))
        with open(to, "wb") as opened:
            opened.write(CONTENT)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    assert INCEPTION.fetch().read_bytes() == CONTENT
    assert asked == [(INCEPTION.url, "6726825d")]
    INCEPTION.fetch()  # it is there
    assert len(asked) == 1


@pytest.mark.parametrize("error", [OSError("no network"), RuntimeError("invalid hash"), ValueError("no address")])
def test_a_download_that_breaks_off_leaves_nothing(error, monkeypatch, home):
    def download(url, to, digits):
        with open(to, "wb") as opened:
            opened.write(CONTENT[:5])
        raise error

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(InputError, match=str(error)):
        SQUEEZENET.fetch()
    assert files(home) == []


# ---- reading


class Malicious:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", ["torch", "old torch", "plain"])
def test_pickled_code_does_not_run(protocol, tmp_path):
    path, trace = tmp_path / "bad.pth", tmp_path / "trace"
    content = {"features.0.weight": torch.zeros(3), "more": Malicious(trace)}
    if protocol == "plain":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=protocol == "torch")
    with pytest.raises(InputError, match="cannot be read as weights for FID") as caught:
        read_state(path, "FID")
    assert str(path) in str(caught.value) and not trace.exists()
    torch.load(path, weights_only=False) if protocol != "plain" else pickle.loads(path.read_bytes())
    assert trace.exists()  # it would have


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 no archive"])
def test_what_is_no_file_of_tensors_is_refused(content, tmp_path):
    (tmp_path / "no.pth").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as weights for FID"):
        read_state(tmp_path / "no.pth", "FID")


@pytest.mark.parametrize("content", [[torch.zeros(2)], torch.zeros(2), "text", None], ids=repr)
def test_what_is_no_state_dict_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "no.pth")
    with pytest.raises(InputError, match="does not hold a state dict"):
        read_state(tmp_path / "no.pth", "FID")


def test_a_state_dict_comes_back(tmp_path):
    state = OrderedDict(weight=torch.rand(2, 3), steps=torch.tensor(4))
    torch.save(state, tmp_path / "yes.pth")
    found = read_state(tmp_path / "yes.pth", "FID")
    assert list(found) == ["weight", "steps"]
    assert all(torch.equal(found[name], value) for name, value in state.items())
