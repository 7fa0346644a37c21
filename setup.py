"""The packages; everything else about the distribution is in setup.cfg.

The recipes lie beside the package in the repository, and are a part of it where it is installed.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["latentinpaint*"]), "latentinpaint.configs"],
    package_dir={"latentinpaint.configs": "configs"},
)
