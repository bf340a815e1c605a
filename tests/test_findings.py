"""What pydantic refuses is said in the words of the house, and nothing of it is lost."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.findings import LONGEST, findings


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    beta: float = Field(gt=0, le=2)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field("x", min_length=1, max_length=5)
    code: str = Field("abc", min_length=3)
    inner: Inner = Inner(beta=1)
    rounds: Annotated[int, Field(ge=1, lt=10)] = 1
    share: float = Field(0.5, allow_inf_nan=False)
    way: Literal["one", "two"] = "one"
    on: bool = False
    seeds: tuple[int, ...] = Field((1,), min_length=1, max_length=3)
    sets: dict[str, str] = {}
    inners: tuple[Inner, ...] = Field((Inner(beta=1),), min_length=1)

    @field_validator("code")
    @classmethod
    def _known(cls, code: str) -> str:
        if code == "bad":
            raise ValueError("'bad' is no code; take another")
        return code


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": ""}, "name: it is empty; it takes at least 1 character"),
        ({"name": "too long"}, "name: it takes at most 5 characters (found 'too long')"),
        ({"code": "ab"}, "code: it takes at least 3 characters (found 'ab')"),
        ({"code": "bad"}, "code: 'bad' is no code; take another"),
        ({"name": 3}, "name: it must be a text (found 3)"),
        ({"inner": {}}, "inner.beta: it is missing"),
        ({"inner": 3}, "inner: it must be a mapping of names to values (found 3)"),
        ({"inner": {"beta": 0}}, "inner.beta: it must be above 0 (found 0)"),
        ({"inner": {"beta": 3}}, "inner.beta: it must be at most 2 (found 3)"),
        ({"inner": {"beta": "much"}}, "inner.beta: it must be a number (found 'much')"),
        ({"inner": {"beta": 1, "bta": 2}}, "inner.bta: there is no such key here (found 2)"),
        ({"rounds": 0}, "rounds: it must be at least 1 (found 0)"),
        ({"rounds": 10}, "rounds: it must be below 10 (found 10)"),
        ({"rounds": 1.5}, "rounds: it must be a whole number (found 1.5)"),
        ({"rounds": "six"}, "rounds: it must be a whole number (found 'six')"),
        ({"share": float("inf")}, "share: it must be a finite number (found inf)"),
        ({"way": "three"}, "way: it must be 'one' or 'two' (found 'three')"),
        ({"on": "perhaps"}, "on: it must be true or false (found 'perhaps')"),
        ({"seeds": []}, "seeds: it takes at least 1 entry (found [])"),
        ({"seeds": [1, 2, 3, 4]}, "seeds: it takes at most 3 entries (found [1, 2, 3, 4])"),
        ({"seeds": 5}, "seeds: it must be a list (found 5)"),
        ({"inners": [{"beta": 0}]}, "inners.0.beta: it must be above 0 (found 0)"),
        ({"seeds": ["x"]}, "seeds.0: it must be a whole number (found 'x')"),
        ({"sets": 5}, "sets: it must be a mapping of names to values (found 5)"),
    ],
)
def test_each_finding_says_where_what_is_allowed_and_what_was_found(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as error:
        Outer.model_validate(given)
    assert findings(error.value) == [sentence]


def test_what_has_no_place_is_of_the_whole_and_a_long_value_is_cut() -> None:
    with pytest.raises(ValidationError) as error:
        Outer.model_validate(5)
    assert findings(error.value, "the file") == ["the file: it must be a mapping of names to values (found 5)"]
    with pytest.raises(ValidationError) as error:
        Outer.model_validate({"name": "y" * 5000})
    (said,) = findings(error.value)
    assert len(said) < LONGEST + 60
    assert said.endswith("…)")
