"""What form and command line say a study can show, before it starts."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.analysis.power import detectable_before
from engine.config import StudyConfig
from engine.cost import Sizes
from tests.workbench.test_cli import invoke, study_file
from workbench.power_words import can_show, can_show_numbers

HELD_OUT = Sizes(prompts=300, responses=1200, pairs=900)


def study(**changes: Any) -> StudyConfig:
    base = {"name": "x", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random", "apl", "real"]}
    return StudyConfig.from_dict({**base, "evaluation": {"pairs_per_set": 450}, **changes})


def test_half_width_and_what_is_found_four_times_of_five() -> None:
    said = can_show(study(), HELD_OUT)
    found = detectable_before(5, 150, 2)
    assert found.half_width is not None
    assert said.startswith("With 5 seeds and 150 held-out prompts a strategy's difference is known to some ±\u00a0")
    assert f"±\u00a0{found.half_width:.3f} in accuracy" in said
    assert f"a true difference of {found.likely:.3f} is found in four studies of five" in said
    assert "would more often be missed than found" in said
    assert "missed" not in can_show(study(referee={"smallest": 0.5}), HELD_OUT)


def test_more_seeds_show_smaller_differences() -> None:
    few, many = (detectable_before(n, 150, 2).likely for n in (3, 10))
    assert few is not None
    assert many is not None
    assert many < few


def test_where_there_will_be_no_verdict_it_says_why() -> None:
    assert "it takes 3" in can_show(study(seeds=[1, 2]), HELD_OUT)
    people = study(seeds=[1], oracle={"name": "people"}, strategies=["real", "random"])
    assert can_show(people, HELD_OUT).startswith("A campaign gives no verdict. It is one run")
    assert "no race" in can_show(study(race="none"), HELD_OUT)
    assert "nothing to give a verdict on" in can_show(study(strategies=["random"]), HELD_OUT)


def test_the_numbers_are_those_of_the_words() -> None:
    found, said = detectable_before(5, 150, 2), can_show_numbers(study(), HELD_OUT)
    assert said == {
        "words": can_show(study(), HELD_OUT), "metric": "accuracy", "seeds": 5, "held_out_prompts": 150,
        "strategies": 2, "level": 0.95, "half_width": found.half_width, "found_in_four_of_five": found.likely,
        "smallest": study().referee.smallest,
    }  # fmt: skip
    none = can_show_numbers(study(seeds=[1, 2]), HELD_OUT)
    assert (none["half_width"], none["found_in_four_of_five"], none["seeds"]) == (None, None, 2)
    assert "it takes 3" in none["words"]


@pytest.mark.parametrize("seeds", [[1, 2, 3], [1]])
def test_the_command_line_says_the_same_before_a_study_or_a_clone_is_queued(
    seeds: list[int], tmp_path: Path, tiny_model_dir: Path
) -> None:
    store, file = ("--store", str(tmp_path / "store")), study_file(tmp_path, tiny_model_dir, seeds=seeds)
    config, four = StudyConfig.from_yaml(file), Sizes(prompts=4, responses=12, pairs=12)
    code, text = invoke("study", "run", str(file), "--detach", *store)
    assert (code, text.index(can_show(config, four)) < text.index("tiny study: queued")) == (0, True), text
    again, whole = {"seeds": [4, 5, 6]}, ("study", "clone", "tiny study", "--set", "seeds=[4, 5, 6]")
    cloned = StudyConfig.from_dict({**config.model_dump(mode="json"), **again})
    code, text = invoke(*whole, *store, "--json")
    assert code == 0
    assert json.loads(text)["can_show"] == can_show_numbers(cloned, four)
    code, text = invoke("study", "run", str(file), "--detach", *store, "--json")
    assert (code, json.loads(text)["can_show"]) == (0, can_show_numbers(config, four))
