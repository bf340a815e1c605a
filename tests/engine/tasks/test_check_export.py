"""The check of an export by the tools worker, and the adapter of a round: packed, loaded by PEFT, the same numbers."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from engine.data.answers import Subset
from engine.data.export.about import about_subset
from engine.data.export.make import export
from engine.errors import ModelError, StoreError
from engine.records import Trained
from engine.store import queries, schema
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.labelled import asked_pairs
from engine.store.sweep import rubbish
from engine.tasks.adapter import TakeAdapter, adapter_of, files_for_a_hub
from engine.tasks.base import ask, asked
from engine.tasks.check_export import CheckExport, packed
from engine.tools import ToolsWorker
from tests.workbench import worlds

ROWS = [{"prompt": f"How {n}?", "chosen": "By hand.", "rejected": "Hot."} for n in range(3)]


def silent(_: str) -> None:
    pass


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return worlds.finished(tmp_path / "store", seeds=(1,), strategies=("random", "activedpo"))


def test_the_tools_worker_checks_an_export_and_packs_what_holds(store: Store) -> None:
    subset = Subset(study_id=queries.studies(store)[0].id, strategy="activedpo", seed=1)
    task = CheckExport(subset=subset, licence="mit", verdict=("better",))
    ask(store, task)
    ToolsWorker(store).work(until_idle=True)
    done = asked(store, task)
    assert done is not None
    assert done.answer is not None, done.error
    tones = {tick["what"]: tick["tone"] for tick in done.answer["ticks"]}
    assert set(tones.values()) <= {"ok", "warn"}
    assert tones["TRL's DPOTrainer takes it"] == "warn", "the model of this world is not there"
    made = export(asked_pairs(store, subset), subset)
    with zipfile.ZipFile(io.BytesIO(packed(store, done.answer))) as folder:
        rows = [json.loads(line) for line in folder.read(made.file).splitlines()]
        card = folder.read("README.md").decode()
    assert rows == [dict(row) for row in made.rows]
    assert "license: mit" in card
    assert "* `better`" in card
    assert "accuracy on pool_like" in card
    assert task.still_holds(store, done.answer)
    archive = done.answer["file"]["path"]
    assert [(item.path, item.why) for item in rubbish(store, 0.0)] == [(archive, "no row names it")]
    assert rubbish(store) == [], "somebody may be about to take it"
    (store.folder / archive).unlink()
    assert not task.still_holds(store, done.answer)
    assert not task.still_holds(store, {**done.answer, "state": [0, 0]})
    with pytest.raises(StoreError, match="is missing"):
        packed(store, done.answer)


def test_the_curve_of_a_card_is_that_of_the_set_that_decides(store: Store) -> None:
    """Its verdict is of that set, too."""
    study = queries.studies(store)[0].id
    of = schema.studies
    with store.write() as connection:
        config = connection.execute(sa.select(of.c.config)).scalar_one()
        connection.execute(of.update().values(config={**config, "referee": {"held_out": "balanced"}}))
    (name,) = {name for row in about_subset(store, Subset(study_id=study))["curve"] for name in row if "acc" in name}
    assert name == "accuracy on balanced"


def test_trl_takes_rows_with_the_study_s_tokenizer_or_says_why_not(tiny_model_dir: Path) -> None:
    pytest.importorskip("trl", reason="TRL is a development dependency; `make test` installs it")
    from engine.models.dry_parse import dry_parse
    from engine.settings import ModelSettings

    settings = ModelSettings(path=str(tiny_model_dir), device="cpu")
    took, said = dry_parse(settings, ROWS)
    assert (took, said.startswith("It took 3 of 3 rows")) == (True, True)
    with pytest.raises(ModelError, match="TRL does not take the rows"):
        dry_parse(settings, [{"question": "How?", "good": "By hand."}])
    took, said = dry_parse(settings.model_copy(update={"path": "/nowhere/at/all"}), ROWS)
    assert (took, said.startswith("Not tried: ")) == (False, True)


def test_without_trl_it_is_said_and_not_tried(monkeypatch: pytest.MonkeyPatch, tiny_model_dir: Path) -> None:
    from engine.models import dry_parse
    from engine.settings import ModelSettings

    monkeypatch.setattr(dry_parse, "find_spec", lambda name: None)
    settings = ModelSettings(path=str(tiny_model_dir), device="cpu")
    assert dry_parse.dry_parse(settings, ROWS) == (False, "Not tried: TRL is not installed here.")


def test_the_adapter_of_a_round_loads_with_peft_and_merged_it_gives_the_same_numbers(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    import torch
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM

    from engine.models.adapters import adapter_state, set_adapter
    from engine.models.load import load_policy

    store = worlds.finished(
        tmp_path / "store", seeds=(1,), strategies=("random",), rounds=1,
        model={"path": str(tiny_model_dir), "device": "cpu", "lora": {"rank": 2, "alpha": 4}},
    )  # fmt: skip
    run = queries.study(store, queries.studies(store)[0].id).runs[0]
    task = TakeAdapter(run_id=run.id, round=1)
    with pytest.raises(ModelError, match="does not fit"):
        task.do(store, silent)  # the world's adapter is two ones, of no model

    from engine.store.pool_texts import study_config
    from engine.tasks import adapter as room

    settings = study_config(store, run.study_id).model
    policy = load_policy(settings, 1)
    rng = np.random.default_rng(0)
    state = {name: rng.normal(0, 0.3, w.shape).astype(np.float32) for name, w in adapter_state(policy).items()}
    saved = load_event(store, run.id, 1, "trained")
    assert isinstance(saved, Trained)
    trained = Trained(1, state, saved.steps, saved.labels_used, "hash", saved.spent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "load_event", lambda *key: trained)
        answers = [TakeAdapter(run_id=run.id, round=1, merged=merged).do(store, silent) for merged in (False, True)]
    set_adapter(policy, state)
    ids = torch.arange(6, 30)[None]
    with torch.no_grad():
        expected = policy.model(input_ids=ids).logits
        reference = policy.model.get_base_model().lm_head.weight.shape
    assert reference[0] == expected.shape[-1]
    for answer, auto in zip(answers, (AutoPeftModelForCausalLM, AutoModelForCausalLM), strict=True):
        folder = tmp_path / auto.__name__
        with zipfile.ZipFile(io.BytesIO(adapter_of(store, answer))) as packed_:
            packed_.extractall(folder)
        with torch.no_grad():
            found = auto.from_pretrained(str(folder)).eval()(input_ids=ids).logits
        assert torch.allclose(found, expected, atol=1e-4)
        card = (folder / "README.md").read_text()
        assert "after round 1" in card
        assert "| labels it trained on | `6` |" in card
        assert task.still_holds(store, answer)
    (store.folder / answers[0]["file"]["path"]).unlink()
    assert not task.still_holds(store, answers[0])
    with pytest.raises(StoreError, match="packed adapter is gone"):
        adapter_of(store, answers[0])


def test_a_round_without_an_adapter_is_a_sentence(store: Store) -> None:
    run = queries.study(store, queries.studies(store)[0].id).runs[0]
    with pytest.raises(StoreError, match="has no adapter of round 9 yet"):
        TakeAdapter(run_id=run.id, round=9).do(store, silent)


def test_what_a_hub_gets_names_no_place_here_and_is_not_read_into_memory(tmp_path: Path) -> None:
    (tmp_path / "additional").mkdir()
    for name in ("adapter_model.safetensors", "additional/template.jinja"):
        (tmp_path / name).write_bytes(b"x")
    for base, called in ((str(tmp_path / "base"), "base"), ("owner/base", "owner/base")):
        config = {"base_model_name_or_path": base, "r": 2}
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        found = files_for_a_hub(tmp_path)
        assert json.loads(found.pop("adapter_config.json")) == {"base_model_name_or_path": called, "r": 2}
        assert found == {name: tmp_path / name for name in ("adapter_model.safetensors", "additional/template.jinja")}
