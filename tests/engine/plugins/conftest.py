"""Each test with settings of its own, so that nothing is trusted for good, and with registries that keep nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store import plugins


@pytest.fixture(autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("settings")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    yield folder
    forget()


def forget() -> None:
    """As a process that has just begun."""
    for known in (plugins._saved_here, plugins._imported, plugins._made):
        known.clear()
    plugins._shown = None
    for registry, _ in plugins.ROOMS.values():
        registry.keep([])
