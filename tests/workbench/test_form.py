"""The form of a study: its widgets come from the config and the plugins, and what it holds is the study."""

import shlex
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa
import yaml
from pydantic import BaseModel, Field
from streamlit.testing.v1 import AppTest

from engine.config import StudyConfig
from engine.cost import Pace, Sizes, estimate
from engine.store import queries, schema
from engine.store.database import open_store
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench import commands
from workbench.components.cost_card import about, basis
from workbench.forms import as_text, as_yaml, differences, fields_of, from_text, shortest, whole

SAMPLE = Path(__file__).parents[2] / "sample_data" / "study.yaml"


class Everything(BaseModel):
    """One field of every kind."""

    count: int = Field(3, ge=1, le=9, description="how many")
    share: float = Field(0.5, gt=0, lt=1)
    most: int | None = Field(None, le=7)
    kind: Literal["one", "two"] = "one"
    fixed: Literal["only"] = "only"
    on: bool = False
    words: tuple[str, ...] | Literal["all"] = "all"
    paths: dict[str, str] = {}
    odd: list[float] | None = None
    inner: BaseModel | None = None


FORMS = {form.name: form for form in fields_of(Everything)}


def test_a_field_is_described_by_what_pydantic_knows_of_it():
    assert {name: form.kind for name, form in FORMS.items()} == {
        "count": "integer",
        "share": "number",
        "most": "integer",
        "kind": "choice",
        "on": "switch",
        "words": "list",
        "paths": "mapping",
        "odd": "yaml",
    }
    assert FORMS["count"].bounds == "from 1 to 9"
    assert FORMS["share"].bounds == "above 0 below 1"
    assert FORMS["most"].bounds == "at most 7"
    assert FORMS["most"].optional
    assert FORMS["count"].description == "how many"


@pytest.mark.parametrize(
    ("name", "value"),
    [("words", ["a", "b"]), ("words", "all"), ("words", []), ("paths", {"x": "a.jsonl", "y": "/b: c.jsonl"}),
     ("odd", [1.5, 2.0]), ("odd", None)],
)  # fmt: skip
def test_a_value_survives_its_way_through_a_text_field(name, value):
    assert from_text(FORMS[name], as_text(FORMS[name], value)) == value


def test_what_cannot_be_read_is_left_for_the_check():
    assert from_text(FORMS["paths"], "no colon") == "no colon"
    assert from_text(FORMS["odd"], "[1,") == "[1,"
    seeds = next(form for form in fields_of(StudyConfig) if form.name == "seeds")
    assert from_text(seeds, "1, 2 3, x") == [1, 2, 3, "x"]


def test_every_parameter_of_every_plugin_has_a_widget_or_one_possible_value():
    from engine.filters.base import FILTERS
    from engine.oracles.base import ORACLES
    from engine.samplers.base import SAMPLERS
    from engine.signals.base import SIGNALS
    from engine.strategies.base import STRATEGIES

    for registry in (STRATEGIES, SAMPLERS, ORACLES, SIGNALS, FILTERS):
        for plugin in registry:
            asked = {form.name for form in fields_of(plugin)}
            left = set(plugin.model_fields) - asked
            assert all("Literal" in str(plugin.model_fields[name].annotation) for name in left), plugin


def study(**changes: Any) -> StudyConfig:
    base = {"name": "x", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random", "apl"]}
    return StudyConfig.from_dict({**base, **changes})


def test_a_plugin_is_named_as_shortly_as_it_can_be():
    apl = type(study().strategies[1])
    assert shortest(apl, {"keep_share": 0.5, "per_prompt": False}) == "apl"
    assert shortest(apl, {"keep_share": 0.25, "per_prompt": False}) == {"name": "apl", "keep_share": 0.25}


def test_what_differs_between_two_studies_is_said_once_a_value():
    other = study(dpo={"beta": 0.5}, seeds=[1, 2], strategies=["random", {"name": "real", "keep": "similar"}])
    assert differences(study(), other) == [
        "dpo.beta: 0.1 → 0.5",
        "seeds: 1, 2, 3, 4, 5 → 1, 2",
        "strategies.apl: taken out",
        "strategies.real: added",
    ]
    assert differences(study(), study(signals=[{"name": "prompt_entropy", "samples": 8}])) == []
    assert differences(study(), study(evaluator="gold"))


# ---- the dialog ----


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def widget(test: AppTest, kind: str, label: str) -> Any:
    return next(found for found in getattr(test, kind) if found.label == label)


def file_of(test: AppTest) -> dict[str, Any]:
    return yaml.safe_load(next(code.value for code in test.code if code.value.startswith("name:")))


def sample_model(monkeypatch) -> None:
    """The model of these worlds is only a name."""
    monkeypatch.setattr("engine.data.prepare.look_at_model", lambda config: None)


def test_an_empty_form_names_all_that_is_missing_and_cannot_be_started(tmp_path, monkeypatch):
    test = press(app(tmp_path / "new", monkeypatch), "Fill in a form")
    said = seen(test)
    assert "Not ready to start yet." in said
    assert "It did not work." not in said, "nothing was tried"
    for part in ("name", "data.pool", "model.path"):
        assert f"{part}: it is empty; it takes at least 1 character" in said
    assert widget(test, "button", "Start this study").disabled
    assert "It is counted as soon as the form holds a whole study." in said
    assert [tab.label for tab in test.tabs] == ["Data and model", "Strategies", "Rounds", "Training", "Evaluation"]


def test_a_clone_begins_as_its_study_and_says_what_differs(tmp_path, monkeypatch):
    sample_model(monkeypatch)
    monkeypatch.chdir(tmp_path)
    for name in ("pool", "a", "b"):
        (tmp_path / f"{name}.jsonl").write_text("{}")
    store = worlds.finished(tmp_path / "own", seeds=(1,), rounds=1)
    monkeypatch.setattr("workbench.cache.sizes", lambda data: (Sizes(16, 64, 96), Sizes(9, 27, 27)))
    test = press(app(store.folder, monkeypatch), "Clone this study")
    assert "Not ready to start yet." not in seen(test)
    assert file_of(test)["name"] == "How-to world, first look, again"
    before = StudyConfig.from_dict(queries.study(store, queries.studies(store)[0].id).config)
    assert StudyConfig.from_dict(file_of(test)) == before.model_copy(update={"name": file_of(test)["name"]})
    assert "Nothing differs from How-to world, first look yet." in seen(test)
    widget(test, "number_input", "beta").set_value(0.5).run()
    widget(test, "number_input", "keep share").set_value(0.25).run()
    said = seen(test)
    assert "dpo.beta: 0.1 → 0.5" in said
    assert "strategies.apl.keep_share: 0.5 → 0.25" in said
    assert file_of(test)["dpo"] == {"beta": 0.5}
    command = f"workbench study clone {queries.studies(store)[0].id}"
    said_here = next(code.value.replace("\\\n", "") for code in test.code if code.value.startswith(command))
    assert shlex.split(said_here)[4:] == ["--set", "strategies.2.keep_share=0.25", "--set", "dpo.beta=0.5"]
    assert "What it will take" in said
    assert "Time at the pace of 4 finished runs with this model here." in said
    assert widget(test, "checkbox", "Begin with the labels that study has bought").value is False
    widget(test, "checkbox", "Begin with the labels that study has bought").set_value(True).run()
    assert any(code.value.startswith(f"{command} \\\n  --with-labels") for code in test.code)


def test_a_bound_that_is_broken_and_a_file_that_is_not_there_are_named(tmp_path, monkeypatch):
    sample_model(monkeypatch)
    store = worlds.finished(tmp_path / "own", seeds=(1,), rounds=1, strategies=("random",))
    test = press(app(store.folder, monkeypatch), "Clone this study")
    assert "data.pool: there is no file pool.jsonl" in seen(test)
    widget(test, "number_input", "beta").set_value(0.0)
    widget(test, "text_input", "seeds").set_value("1, 1").run()
    said = seen(test)
    assert "dpo.beta: it must be above 0 (found 0.0)" in said
    assert widget(test, "button", "Start this study").disabled


def test_the_sample_study_opens_in_the_form_costs_what_it_costs_and_starts(tmp_path, monkeypatch):
    if not SAMPLE.is_file():
        pytest.skip("sample_data/study.yaml is not here.")
    test = app(tmp_path / "new", monkeypatch)
    widget(test, "text_input", "Study file (path on this machine)").set_value(str(SAMPLE))
    press(test, "Start from this file")
    assert differences(StudyConfig.from_yaml(SAMPLE), StudyConfig.from_dict(file_of(test))) == []
    said = seen(test)
    assert "5,400" in said, "five arms of three seeds, 360 labels each"
    assert "not known yet" in said, "no run has finished in a new store"
    assert "It keeps about" in said and "of the disk are free" in said
    assert queries.studies(open_store(tmp_path / "new")) == [], "it is said before anything is queued"
    assert not any(box.label.startswith("Begin with the labels") for box in test.checkbox)
    press(test, "Start this study")
    assert queries.studies(open_store(tmp_path / "new"))[0].state == "queued"
    assert "Queued. A worker takes it up by itself." in seen(test)
    assert "Start this study" not in {button.label for button in test.button}, "the form is closed"


def test_a_study_file_that_is_wrong_does_not_open_the_form(tmp_path, monkeypatch):
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\nrounds: 0\n")
    test = app(tmp_path / "new", monkeypatch)
    widget(test, "text_input", "Study file (path on this machine)").set_value(str(bad))
    press(test, "Start from this file")
    assert "It did not work." in seen(test)
    assert "Start this study" not in {button.label for button in test.button}
    assert "It did not work." in seen(test.run()), "closing the list of ways, which lies over it, does not take it away"
    bad.write_text("name: y\n")
    press(test, "Start from this file")
    assert seen(test).count("It did not work.") == 1
    press(test, "Fill in a form")
    assert "It did not work." not in seen(test)


def test_an_uploaded_file_is_read_as_text(tmp_path):
    assert commands.draft_of(as_yaml(whole(study())))["name"] == "x"
    for text, words in (("a: [1", "it is not YAML"), ("- 1", "it holds list"), ("name: x", "things need mending")):
        with pytest.raises(commands.ConfigError, match=words):
            commands.draft_of(text)


def test_a_time_is_no_finer_than_it_is_known():
    assert [about(s) for s in (3, 42, 1419, 9000)] == ["under 10 s", "about 40 s", "about 24 min", "about 2 h 30 min"]
    assert "not known yet" in basis(None)
    assert estimate(study(), Sizes(1, 2, 1), []).total.backwards > 0
    assert Pace(1, 1, 1, 1).runs == 1


def test_a_study_is_logged_elsewhere_where_its_form_says_so(tmp_path, monkeypatch):
    sample_model(monkeypatch)
    store = worlds.finished(tmp_path / "own", seeds=(1,), rounds=1, strategies=("random",))
    test = press(app(store.folder, monkeypatch), "Clone this study")
    assert "tracker" not in file_of(test)
    widget(test, "selectbox", "tracker").select("mlflow").run()
    assert file_of(test)["tracker"] == "mlflow"
    widget(test, "text_input", "uri").set_value("http://box:5000").run()
    assert file_of(test)["tracker"] == {"name": "mlflow", "uri": "http://box:5000"}
    widget(test, "text_input", "uri").set_value("http://me:secret@box:5000").run()
    assert "tracker.uri" in seen(test)


def test_filters_of_a_study_are_in_its_form_and_stay_when_it_is_cloned(tmp_path, monkeypatch):
    sample_model(monkeypatch)
    store = worlds.finished(tmp_path / "own", seeds=(1,), rounds=1, strategies=("random",))
    with store.write() as connection:
        config = connection.execute(sa.select(schema.studies.c.config)).scalar_one()
        filters = [{"name": "difficulty", "gap": "absolute_ascending", "share": 0.5}, "dual_margin"]
        connection.execute(schema.studies.update().values(config={**config, "filters": filters}))
    test = press(app(store.folder, monkeypatch), "Clone this study")
    assert "Keep the labels with the smallest implicit-reward gap" in seen(test)
    assert file_of(test)["filters"] == filters
    widget(test, "selectbox", "fusion").select("add").run()
    assert file_of(test)["filters"][1] == {"name": "dual_margin", "fusion": "add"}
    widget(test, "multiselect", "filters").set_value([]).run()
    assert "filters" not in file_of(test)
