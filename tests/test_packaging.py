"""What the source archive and the wheel hold, built of a copy of the project that has no version control."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

PROJECT = Path(__file__).parent.parent
FOLDERS = ("latentinpaint", "tests", "configs", "tools", "docs", "benchmarks", "examples", "requirements", ".ci")
BUILD = """
import sys
from setuptools import build_meta

folder = sys.argv[1]  # setuptools writes its own arguments there
build_meta.build_wheel(folder)
build_meta.build_sdist(folder)
"""


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The names in the source archive, without its first folder, and those in the wheel."""
    pytest.importorskip("setuptools", minversion="77", reason="setuptools builds the archives")
    folder = tmp_path_factory.mktemp("packaging")
    copy = folder / "copy"
    for name in FOLDERS:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in PROJECT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    subprocess.run([sys.executable, "-c", BUILD, folder], cwd=copy, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as sdist:
        files = [PurePosixPath(member.name) for member in sdist.getmembers() if member.isfile()]
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return {path.relative_to(path.parts[0]).as_posix() for path in files}, set(wheel.namelist())


def files_below(folder):
    """Names of a folder's files relative to the project; caches are left out."""
    paths = [path for path in (PROJECT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(PROJECT).as_posix() for path in paths}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_source_archive_is_whole(folder, archives):
    """From it the tests run and the recipes train."""
    assert files_below(folder) <= archives[0]


def test_the_wheel_holds_the_package_alone(archives):
    _, wheel = archives
    assert files_below("latentinpaint") <= wheel
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == {"latentinpaint"}


@pytest.mark.parametrize(
    "name",
    [
        "latentinpaint/configs/latent_ffc.yaml",
        "latentinpaint/configs/default/texture.yaml",
        "latentinpaint/pretrained/default.safetensors",
        "latentinpaint/app/static/index.html",
        "latentinpaint/evaluation/report/report_page.html",
        "latentinpaint/py.typed",
    ],
)
def test_the_wheel_holds_what_is_no_code(name, archives):
    assert name in archives[1]


def test_the_wheel_holds_every_recipe(archives):
    assert {f"latentinpaint/{name}" for name in files_below("configs")} <= archives[1]
