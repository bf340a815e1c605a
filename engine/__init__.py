"""The engine's public names, imported when first used.

`import engine` itself loads neither pandas, scipy, SQLAlchemy nor torch, so a notebook or a command starts at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.api.exported import export
    from engine.api.scored import score
    from engine.api.study import Study
    from engine.config import StudyConfig
    from engine.data.pool import PoolView, PreferenceData
    from engine.data.read import read
    from engine.errors import EngineError
    from engine.loop import Inputs, rounds
    from engine.plugins.save import save_plugin
    from engine.records import records as round_records
    from engine.selection.recipes import Scores
    from engine.store.database import open_store
    from engine.strategies.base import Strategy

_HOME = {
    "EngineError": "engine.errors.EngineError",
    "Inputs": "engine.loop.Inputs",
    "PoolView": "engine.data.pool.PoolView",
    "PreferenceData": "engine.data.pool.PreferenceData",
    "Scores": "engine.selection.recipes.Scores",
    "Strategy": "engine.strategies.base.Strategy",
    "Study": "engine.api.study.Study",
    "StudyConfig": "engine.config.StudyConfig",
    "export": "engine.api.exported.export",
    "open_store": "engine.store.database.open_store",
    "read": "engine.data.read.read",
    "round_records": "engine.records.records",
    "rounds": "engine.loop.rounds",
    "save_plugin": "engine.plugins.save.save_plugin",
    "score": "engine.api.scored.score",
}

__all__ = [
    "EngineError",
    "Inputs",
    "PoolView",
    "PreferenceData",
    "Scores",
    "Strategy",
    "Study",
    "StudyConfig",
    "export",
    "open_store",
    "read",
    "round_records",
    "rounds",
    "save_plugin",
    "score",
]


def __getattr__(name: str) -> Any:
    """PEP 562: a public name is fetched from its home on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'engine' has no attribute {name!r}; its public names are {', '.join(__all__)}")
    from importlib import import_module

    home, _, name_there = _HOME[name].rpartition(".")
    value = getattr(import_module(home), name_there)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
