"""What tests of oracles share: a judge's server that answers at once."""

from collections.abc import Iterator

import pytest

from engine import asking
from tests.engine.oracles.judge_server import judging
from tests.engine.samplers.small_server import SmallServer, running


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallServer]:
    """Asked again without a pause to speak of; tests change its `trouble`."""
    monkeypatch.setattr(asking, "FIRST_PAUSE_S", 0.01)
    with running(SmallServer(trouble=judging())) as found:
        yield found
