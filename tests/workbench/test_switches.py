"""The roots' switches, samplers and filters: reached by `--set` and the form; what is left out is shown."""

from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.config import StudyConfig
from engine.filters.base import FILTERS
from engine.samplers.base import SAMPLERS
from engine.signals.base import SIGNALS
from engine.store import queries, schema
from engine.strategies.base import STRATEGIES
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.cli.changes import cloned
from workbench.cli.main import app as cli
from workbench.forms import fields_of, from_text, shortest

BASE = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["activedpo", "apl", "real"],
        "oracle": {"name": "gold", "scorer": "howto"}}  # fmt: skip
SET: dict[str, tuple[str, Any]] = {
    "strategies.0={name: activedpo, past: recomputed}": ("strategies.0.past", "recomputed"),
    "strategies.0={name: activedpo, unit_norm: off, ridge: 0.01}": ("strategies.0.unit_norm", "off"),
    "strategies.1={name: apl, pairs_per_label: 8}": ("strategies.1.pairs_per_label", 8),
    "strategies.2={name: real, keep: similar, per_prompt: true}": ("strategies.2.keep", "similar"),
    "signals=[{name: reward_gradient, dimension: 8192}]": ("signals.0.dimension", 8192),
    "signals=[{name: prompt_entropy, samples: 32}]": ("signals.0.samples", 32),
    "signals=[{name: embedding, model: other}]": ("signals.0.model", "other"),
    "label_share=0.5": ("label_share", 0.5),
    "one_per_prompt=true": ("one_per_prompt", True),
    "regime={pool: regenerated, weights: continue, data: new}": ("regime.weights", "continue"),
    "sampler={name: policy, model: reference, responses: 3}": ("sampler.model", "reference"),
    "sampler={name: pilaf, beta: 0.2}": ("sampler.beta", 0.2),
    "sampler={name: server, model: large, key_variable: KEY}": ("sampler.key_variable", "KEY"),
    "filters=[difficulty, {name: dual_margin, fusion: add}]": ("filters.1.fusion", "add"),
}


@pytest.mark.parametrize("change", SET)
def test_the_command_line_reaches_it(change: str) -> None:
    study = {**BASE, "sampler": {"name": "policy", "responses": 3}} if change.startswith("regime") else BASE
    value: Any = cloned(study, [change]).model_dump(mode="json")
    where, wanted = SET[change]
    for step in where.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    assert value == wanted


@pytest.mark.parametrize(
    ("plugin", "name", "typed"),
    [(STRATEGIES.get("activedpo"), "past", "recomputed"), (SIGNALS.get("reward_gradient"), "dimension", 8192),
     (SIGNALS.get("prompt_entropy"), "samples", 32), (SIGNALS.get("embedding"), "model", "other"),
     (STRATEGIES.get("apl"), "pairs_per_label", 8.0), (STRATEGIES.get("apl_certainty"), "band", "ends"),
     (STRATEGIES.get("real"), "keep", "similar"), (SAMPLERS.get("policy"), "model", "reference"),
     (SAMPLERS.get("server"), "extra", {"top_k": 5}), (FILTERS.get("difficulty"), "gap", "band")],
)  # fmt: skip
def test_the_form_reaches_it(plugin: Any, name: str, typed: Any) -> None:
    form = next(form for form in fields_of(plugin) if form.name == name)
    value = from_text(form, "{top_k: 5}") if form.kind == "yaml" else typed
    assert form.kind in ("choice", "integer", "number", "yaml")
    assert form.kind != "choice" or typed in form.choices
    made = shortest(plugin, {**{f.name: f.default for f in fields_of(plugin)}, name: value})
    assert made == {"name": plugin.name, name: typed}


def test_what_a_filter_leaves_out_stands_on_the_page_and_in_the_command_line(tmp_path, monkeypatch) -> None:
    store = worlds.finished(tmp_path / "own", seeds=(1,), rounds=2, strategies=("random",))
    study = queries.studies(store)[0]
    run = queries.study(store, study.id).runs[0]
    at = (schema.stages.c.run_id == run.id) & (schema.stages.c.stage == "trained") & (schema.stages.c.round == 2)
    with store.write(study.id) as connection:
        detail = connection.execute(sa.select(schema.stages.c.detail).where(at)).scalar_one()
        connection.execute(schema.stages.update().where(at).values(detail={**detail, "dropped": {"difficulty": 7}}))
    said = "7 left out of training by the filter difficulty"
    assert said in seen(app(store.folder, monkeypatch, "batch", run=run.id, round="2"))
    assert said not in seen(app(store.folder, monkeypatch, "batch", run=run.id, round="1"))
    shown = CliRunner().invoke(cli, ["study", "show", study.id, "--store", str(store.folder)])
    assert said in shown.output


def test_a_filter_named_twice_is_refused() -> None:
    with pytest.raises(Exception, match="filters names a filter twice"):
        StudyConfig.from_dict({**BASE, "filters": ["difficulty", {"name": "difficulty", "share": 0.5}]})
