"""A described class says, checks and draws what the real one does; what cannot be drawn is refused; it runs nothing."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError, create_model

from engine.errors import ConfigError
from engine.plugins.described import described, facts_of, fields_of, runs_nothing
from engine.registry import Plugin
from engine.strategies.base import STRATEGIES, Strategy
from tests.engine.plugins.classes import Checked, Whole
from workbench import forms

VERSION = "0123456789ab"


def shown(cls: type[Plugin], **changes: Any) -> type[Plugin]:
    """Through JSON, as the store keeps it."""
    facts, fields = json.loads(json.dumps([facts_of(cls, Strategy), fields_of(cls)]))
    return described(Strategy, facts | changes, fields, VERSION)


@pytest.mark.parametrize("cls", [*STRATEGIES, Whole], ids=lambda c: c.name)
def test_it_says_and_draws_what_the_real_class_does(cls: type[Strategy]) -> None:
    made = shown(cls)
    assert fields_of(made) == fields_of(cls)
    assert facts_of(made, Strategy) == facts_of(cls, Strategy)
    assert made.summary() == cls.summary()
    assert made.heading() == cls.heading()
    assert forms.fields_of(made) == forms.fields_of(cls)
    for name in ("needs", "aliases", "published", "control", "ties_at_reference"):
        assert type(getattr(made, name)) is type(getattr(cls, name)) or name == "published"
        assert getattr(made, name) == getattr(cls, name)
    assert made().model_dump() == cls().model_dump()
    assert made().spec() == {"name": cls.name, "version": VERSION, **cls().model_dump(mode="json")}


@pytest.mark.parametrize("value", [{"power": 0}, {"seen": 9}, {"few": 1}, {"end": "middle"},
                                   {"rank": 3}, {"word": "A"}, {"sizes": [1, 2, 3, 4]},
                                   {"half": "some"}, {"colour": 1}])  # fmt: skip
def test_it_refuses_what_the_real_class_refuses(value: dict[str, Any]) -> None:
    for cls in (Whole, shown(Whole)):
        with pytest.raises(ValidationError):
            cls(**value)


def test_it_runs_nothing_and_says_so() -> None:
    made = shown(Whole)()
    assert runs_nothing(made)
    assert not runs_nothing(Whole())
    with pytest.raises(ConfigError, match="its source is run by workers alone"):
        made.recipe(None)  # type: ignore[attr-defined]
    assert shown(Checked)(even=3), "a check of its own is code, so only the worker makes it"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "No"}, "its name is 'No'"),
        ({"name": "![x](http://x)"}, "a name is small letters"),
        ({"title": "<b>bold</b>"}, "a title is letters"),
        ({"title": "[a](b)"}, "a title is letters"),
        ({"title": "x" * 41}, "at most 40"),
        ({"needs": ["charm"]}, "it needs signal 'charm'; there are "),
        ({"aliases": "all"}, "stands where"),
        ({"source": ["x"]}, "stands where"),
    ],
)
def test_words_that_could_mean_something_elsewhere_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        shown(Whole, **changes)


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("two words", {"type": "integer", "default": 1}),
        ("version", {"type": "integer", "default": 1}),
        ("given", {"type": "integer"}),
        ("part", {"$ref": "#/$defs/Part", "default": None}),
        (
            "part",
            {"type": "array", "items": {"type": "array", "items": {"minimum": 1, "type": "integer"}}, "default": []},
        ),
        ("part", {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "number", "maximum": 2}], "default": 1}),
        ("part", {"default": 1}),
        ("part", {"type": "integer", "minimum": 2, "default": 1}),
        ("part", {"type": "integer", "default": "one"}),
    ],
)
def test_a_parameter_that_no_form_has_is_refused(name: str, schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="parameter"):
        described(Strategy, facts_of(Whole, Strategy), {name: schema}, VERSION)


NUMBERS = st.integers(-50, 50)
FIELDS = st.one_of(
    st.builds(lambda low, n: (int, Field(low + n, ge=low, le=low + 9, description="n")), NUMBERS, st.integers(0, 9)),
    st.builds(lambda low: (float, Field(low + 1.5, gt=low, description="x")), NUMBERS),
    st.builds(lambda value: (bool, Field(value, description="?")), st.booleans()),
    st.builds(lambda value: (str, Field(value, max_length=20)), st.text(max_size=20)),
    st.builds(lambda value: (float | None, Field(value, lt=100)), st.none() | NUMBERS.map(float)),
    st.builds(lambda items: (tuple[int, ...], Field(tuple(items))), st.lists(NUMBERS, max_size=4)),
    st.builds(lambda items: (dict[str, str], Field(items)), st.dictionaries(st.text(max_size=4), st.text(max_size=4))),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True), FIELDS, max_size=5))
def test_any_fields_are_described_as_they_are(fields: dict[str, Any]) -> None:
    fields = {name: field for name, field in fields.items() if name not in ("name", "version")}
    real = create_model("Real", __base__=Whole, **fields)
    made = shown(real)
    assert fields_of(made) == fields_of(real)
    assert forms.fields_of(made) == forms.fields_of(real)
    assert made().model_dump() == real().model_dump()
