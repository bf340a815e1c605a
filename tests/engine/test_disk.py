"""What a study will keep: worked by hand, against what a real run writes, and said in words."""

import json
from pathlib import Path

import pytest

from engine.cost import Sizes, round_pool
from engine.disk import Disk, Shapes, kept, shapes_of
from engine.settings import LoraSettings, ModelSettings
from engine.store import queries, texts, writer
from engine.store.database import open_store
from engine.store.files import Room
from engine.store.pace import sizes_of
from engine.worker import Worker
from tests.engine.test_cost import HOWTO, POOL, SETS, study
from tests.engine.test_loop import config, make_data
from workbench.disk_words import said, too_much

CAP = 10**12
SHAPES = Shapes(adapter=1000, width=32)
FACTOR = 1.5


def test_a_round_of_a_run_by_hand() -> None:
    one = {"rounds": 1, "seeds": [1], "warm_up": False, "evaluation": {"pairs_per_set": 60, "generate": "never"}}
    random = kept(study(**one, strategies=["random"]), POOL, SETS, SHAPES, CAP)
    # 20 prompts of 4 responses make 120 pairs; 10 labels are 2 epochs of one step; 60 pairs in each of two sets, twice.
    assert random.files == 102 * 120 + (180 * 2 + 4 * 1000) + 5 * 500 + 2 * (8 * 120 + 500) + 48 * 120
    active = kept(study(**one, strategies=["activedpo"]), POOL, SETS, SHAPES, CAP)
    assert active.files - random.files == 8 * 120 + 4 * 2 * 10 * 512, "a score a pair, and the gradients of the picks"
    assert active.passing - random.passing == 4 * 512 * 80, "the gradients of the round's responses"
    real = kept(study(**one, strategies=["real"]), POOL, SETS, SHAPES, CAP)
    assert real.passing - random.passing == 4 * 32 * 400, "embeddings of the whole pool, once"
    assert random.rows == active.rows


def test_more_rounds_seeds_and_strategies_keep_more_and_the_cache_has_its_cap() -> None:
    base = kept(study(), POOL, SETS, SHAPES, CAP)
    assert kept(study(seeds=[1, 2, 3, 4]), POOL, SETS, SHAPES, CAP).files == 2 * base.files
    assert kept(study(rounds=6), POOL, SETS, SHAPES, CAP).files > 1.8 * base.files, "answers are made once"
    assert kept(study(), POOL, SETS, SHAPES, 1000).passing == 1000 + 3 * 4 * SHAPES.adapter
    unknown = kept(study(), POOL, SETS, None, CAP)
    assert not unknown.whole
    assert unknown.files < base.files
    fresh = study(sampler={"name": "policy", "responses": 3}, oracle=HOWTO, regime={"pool": "regenerated"})
    assert round_pool(fresh, POOL) == Sizes(20, 60, 60)
    assert kept(fresh, POOL, SETS, SHAPES, CAP).rows > base.rows


@pytest.mark.parametrize("targets", ["all-linear", ("q_proj", "v_proj")])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_shapes_are_those_of_the_adapter(family: str, targets: str | tuple[str, ...], tmp_path: Path) -> None:
    from engine.models.adapters import adapter_state
    from engine.models.load import load_policy
    from tests.conftest import save_tiny_model

    if family == "gpt2" and targets != "all-linear":
        targets = ("c_attn",)
    folder = save_tiny_model(tmp_path / family, family)
    settings = ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=3, targets=targets))
    found = shapes_of(settings)
    real = adapter_state(load_policy(settings, 1))
    assert found == Shapes(sum(values.size for values in real.values()), 32)


def test_a_model_that_is_not_here_or_says_nothing_has_no_shapes(tmp_path: Path) -> None:
    assert shapes_of(ModelSettings(path="some/hub-id")) is None
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 4}))
    assert shapes_of(ModelSettings(path=str(tmp_path))) is None
    (tmp_path / "model.safetensors").write_bytes(b"cut")
    assert shapes_of(ModelSettings(path=str(tmp_path))) is None


def test_it_is_what_a_study_keeps_within_the_factor_that_is_said(tmp_path: Path, tiny_model_dir: Path) -> None:
    store = open_store(tmp_path)
    tiny = config(tiny_model_dir, labels_per_round=8, prompts_per_round=12)
    roles = {"pool": make_data(16, "pool"), "held_out:near": make_data(4, "near")}
    ids = {
        role: texts.add_dataset(
            store, name=role, path=role, format_name="made", sha256=role, data=data, rows=len(data.pairs), refused={}
        )
        for role, data in roles.items()
    }
    study_id = writer.queue_study(store, tiny, ids, {})
    found, (pool, *held_out) = sizes_of(store, study_id)
    assert found == tiny
    assert pool == Sizes(16, 48, 48)
    disk = kept(tiny, pool, held_out, shapes_of(tiny.model), CAP)
    Worker(store, "cpu").work(until_idle=True)
    assert queries.studies(store)[0].state == "done"
    files = sum(path.stat().st_size for path in (tmp_path / "files").rglob("*") if path.is_file())
    assert files / FACTOR <= disk.files <= files * FACTOR


def test_what_is_kept_is_said_beside_what_is_free() -> None:
    disk = Disk(files=36.7e6, rows=7e6, passing=34e6)
    assert said(disk, Room(76e9, 200e6)) == (  # type: ignore[arg-type]
        "It keeps about 43.7 MB (files 36.7 MB, database 7.0 MB) and passes up to 34.0 MB through the cache; "
        "76.0 GB of the disk are free."
    )
    assert too_much(disk, Room(278_000_000, 200_000_000)) == ""
    assert "It will not fit: 200 MB of the disk stay free" in too_much(disk, Room(277_000_000, 200_000_000))
    assert "adapter is not counted" in said(Disk(1, 1, 1, whole=False), Room(1, 1))
