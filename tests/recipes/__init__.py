"""Tests of the recipes for other programs, in an environment of their own: `nox -s recipes`."""
