"""Which texts are names of the Hub: what is here on disk is a path, and so is what has another form."""

from pathlib import Path

import pytest

from latentinpaint.errors import InputError
from latentinpaint.hub import HubName, at_revision, hub_name
from latentinpaint.hub.hub_names import repository_name

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [
        ("org/name", "org/name", None),
        ("Some-Org_2/model.v1.5", "Some-Org_2/model.v1.5", None),
        (f"org/name@{COMMIT}", "org/name", COMMIT),
        ("org/name@v1.0", "org/name", "v1.0"),
        ("org/name@refs/pr/3", "org/name", "refs/pr/3"),
        ("org/name@with--hyphens", "org/name", "with--hyphens"),
    ],
)
def test_names(text, name, revision):
    assert hub_name(text) == HubName(name, revision)
    assert str(hub_name(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "default",
        "/org/name",
        "./org/name",
        "../name",
        "~/name",
        "org/name/",
        "runs/latent/ffc",
        "runs/model.safetensors",
        "runs/last.ckpt",
        "org\\name",
        "org/na--me",
        "org/na..me",
        "org/.name",
        "org/name-",
        "org/ü",
        "org/name@",
        "org/name\n",
        "org/" + "n" * 97,
    ],
)
def test_everything_else_is_a_path(text):
    assert hub_name(text) is None
    assert hub_name(Path("org/name")) is None


def test_what_is_on_disk_is_a_path(tmp_path):
    (tmp_path / "org" / "name").mkdir(parents=True)
    (tmp_path / "org" / "file@v1").touch()
    assert hub_name("org/name") is None and hub_name("org/file@v1") is None
    assert hub_name("org/other") == HubName("org/other")
    assert hub_name("org/name@v1") == HubName("org/name", "v1")
    assert repository_name("org/name") == HubName("org/name")  # to write to, whatever is here


def test_a_revision(tmp_path):
    assert at_revision("anything/at all", None) == "anything/at all"
    assert at_revision("org/name", COMMIT) == f"org/name@{COMMIT}"
    (tmp_path / "here").mkdir()
    for path in ("here", "default", Path("org/name")):
        with pytest.raises(InputError, match="a revision belongs to a model of the Hugging Face Hub"):
            at_revision(path, "v1")
    with pytest.raises(InputError, match="leave the argument revision out"):
        at_revision("org/name@v1", "v1")
    with pytest.raises(InputError, match="no commit, tag or branch"):
        at_revision("org/name", "v 1")


@pytest.mark.parametrize("name", ["name", "org/name@v1", "org/name/more", "", "org/na me"])
def test_repositories_have_two_parts(name):
    with pytest.raises(InputError, match="is called org/name"):
        repository_name(name)
