"""Plugins by name: found, refused, rebuilt, and never silently missing."""

import sys
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, ValidationError

from engine.errors import UnknownName
from engine.registry import Plugin, Registry
from engine.strategies.base import STRATEGIES

ROOM = "registry_room"


class Hammer(Plugin):
    """Hits things.

    Mostly nails.
    """

    name: ClassVar[str] = "hammer"
    weight: float = Field(1.0, gt=0, description="kg")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """An empty room in a package of its own."""
    (tmp_path / ROOM).mkdir()
    (tmp_path / ROOM / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Registry("tool", ROOM)
    for name in [name for name in sys.modules if name.split(".")[0] == ROOM]:
        del sys.modules[name]


def test_a_class_is_found_by_its_name_and_built_in_three_ways(registry: Registry) -> None:
    assert registry.register(Hammer) is Hammer
    assert registry.names() == ["hammer"]
    assert registry.get("hammer") is Hammer
    assert list(registry) == [Hammer]
    light = Hammer(weight=0.5)
    assert registry.build(light) is light
    assert registry.build("hammer") == Hammer()
    assert registry.build({"name": "hammer", "weight": 0.5}) == light
    assert registry.build(light.spec()) == light


def test_an_unknown_name_suggests_the_nearest(registry: Registry) -> None:
    registry.register(Hammer)
    with pytest.raises(UnknownName, match=r"No tool is called 'hamer'. Did you mean 'hammer'\? Known: hammer\."):
        registry.get("hamer")
    with pytest.raises(UnknownName, match="Known: hammer"):
        registry.build({"weight": 1})
    with pytest.raises(UnknownName):
        registry.get(None)


@pytest.mark.parametrize("value", [3, ["hammer"], None])
def test_what_is_neither_name_nor_mapping_is_refused(registry: Registry, value: object) -> None:
    with pytest.raises(ValueError, match="a tool is a name or a mapping"):
        registry.build(value)


def test_parameters_are_checked_and_frozen() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Hammer(weight=0)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Hammer(colour="red")
    with pytest.raises(ValidationError, match="frozen"):
        Hammer().weight = 2.0


def test_the_spec_holds_every_parameter_defaults_too() -> None:
    assert Hammer().spec() == {"name": "hammer", "weight": 1.0}
    assert Hammer.summary() == "Hits things."
    assert Hammer.heading() == "hammer"


def test_another_module_may_not_take_a_name_but_the_same_may_register_again(registry: Registry) -> None:
    registry.register(Hammer)
    again = type("Hammer", (Hammer,), {"__module__": Hammer.__module__, "__doc__": "Reloaded."})
    registry.register(again)
    assert registry.get("hammer") is again
    foreign = type("Hammer", (Hammer,), {"__module__": "elsewhere", "__doc__": "Foreign."})
    with pytest.raises(ValueError, match=r"registered by .* and by elsewhere"):
        registry.register(foreign)


def version(cls: type[Plugin], words: str) -> type[Plugin]:
    return type("Kept", (cls,), {"__module__": "kept", "__doc__": words, "version": words})


def test_what_a_store_keeps_stands_beside_and_its_last_version_is_meant(registry: Registry) -> None:
    registry.register(Hammer)
    saw = type("Saw", (Hammer,), {"__module__": "kept", "name": "saw"})
    registry.keep([version(saw, "one"), version(saw, "two")])
    assert (registry.names(), registry.own()) == (["hammer", "saw"], ["hammer"])
    assert [cls.name for cls in registry] == ["hammer", "saw"]
    assert registry.get("saw").version == "two"
    assert registry.build({"name": "saw", "version": "one", "weight": 2}).spec() == {
        "name": "saw", "version": "one", "weight": 2.0
    }  # fmt: skip
    with pytest.raises(ValueError, match="keeps no tool 'saw' of version 'three'; it keeps one, two"):
        registry.get("saw", "three")
    with pytest.raises(ValueError, match="keeps no tool 'hammer' of version 'one'; this one comes with the program"):
        registry.build({"name": "hammer", "version": "one"})
    with pytest.raises(UnknownName, match=r"Did you mean 'saw'\? Known: hammer, saw\."):
        registry.get("sew")
    registry.keep([version(Hammer, "one")])
    assert registry.get("hammer") is Hammer, "a store cannot take the place of what comes with the program"
    assert registry.get("hammer", "one").version == "one"
    assert registry.names() == ["hammer"], "and what another store kept is gone"


def test_discovery_imports_every_file_but_those_with_an_underscore(tmp_path: Path) -> None:
    folder = tmp_path / ROOM
    folder.mkdir()
    (folder / "__init__.py").write_text("found = []\n")
    for name in ("b_saw", "a_drill", "_shared"):
        (folder / f"{name}.py").write_text(f"import {ROOM}\n{ROOM}.found.append({name!r})\n")
    sys.path.insert(0, str(tmp_path))
    try:
        registry: Registry = Registry("tool", ROOM)
        registry.discover()
        registry.discover()
        assert sys.modules[ROOM].found == ["a_drill", "b_saw"]
    finally:
        sys.path.remove(str(tmp_path))
        for name in [name for name in sys.modules if name.split(".")[0] == ROOM]:
            del sys.modules[name]


def test_a_plugin_that_cannot_be_imported_is_never_silently_missing(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / ROOM / "broken.py").write_text("raise RuntimeError('broken plugin')\n")
    with pytest.raises(RuntimeError, match="broken plugin"):
        registry.names()


def test_the_real_rooms_are_found_from_the_base_alone() -> None:
    assert "random" in STRATEGIES.names()
    assert STRATEGIES.names() == sorted(STRATEGIES.names())
