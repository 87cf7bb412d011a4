"""Fixtures and marks that more than one room's tests use."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

from tests.browser import chromium

__all__ = ["chromium", "pytest_collection_finish", "pytest_collection_modifyitems"]

# How long an example takes says what else the machine does, not whether the code is right.
settings.register_profile("amparo", deadline=None)
settings.load_profile("amparo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what opens a browser: its driver keeps an event loop running, so those tests have a run of their own."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


def pytest_collection_finish() -> None:
    """What is imported by now stays to the end: the collector need not go through half a gigabyte of it again and again."""
    gc.collect()
    gc.freeze()
