"""Build of the compiled parts; everything else about the distribution is in pyproject.toml."""

from setuptools import setup

setup()
