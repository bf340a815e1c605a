"""A training that was stopped goes on from its checkpoint to the bit; a foreign or damaged one is left."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import resume
from engine.dpo import train as training
from engine.dpo.train import TrainResult, train
from engine.errors import StoreError
from engine.loop import Stopped
from engine.models.adapters import adapter_state, fresh_adapter
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.resume import Checkpoint, Checkpoints, MemoryCheckpoints
from engine.settings import DPOSettings, LoraSettings, ModelSettings
from engine.store import claims, files, schema, writer
from engine.store.checkpoints import StoredCheckpoints
from engine.store.database import Store, open_store
from tests.engine.dpo.labelled import labelled, reference_of
from tests.engine.store.bits import bits
from tests.engine.store.test_store import a_worker, events, queued, world

SETTINGS = DPOSettings(epochs=3, batch_pairs=2, learning_rate=5e-3, micro_batch_pairs=1)
STEPS = 9


@pytest.fixture
def policy(tiny_model_dir: Path) -> Policy:
    """With dropout, so that the generator's state matters."""
    lora = LoraSettings(rank=4, alpha=8, dropout=0.3)
    return load_policy(ModelSettings(path=str(tiny_model_dir), device="cpu", lora=lora), seed=1)


@pytest.fixture(autouse=True)
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "EVERY_S", 0.0)


def run(
    policy: Policy, checkpoints: Checkpoints | None, stop_after: int = 99, settings: DPOSettings = SETTINGS
) -> TrainResult:
    def on_step(row: object) -> None:
        if row["step"] >= stop_after:  # type: ignore[index]
            raise Stopped

    given = labelled(6)
    fresh_adapter(policy, 1)
    return train(
        policy, given, settings, reference_logps=reference_of(policy, given), seed=1, round_number=1,
        on_step=on_step, checkpoints=checkpoints,
    )  # fmt: skip


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps that are really made from now on."""
    made: list[int] = []
    real = training._step

    def step(*given: object) -> dict[str, float]:
        made.append(given[-2])  # type: ignore[arg-type]
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "_step", step)
    return made


def test_it_goes_on_from_any_step_to_the_same_bits(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(policy, None)
    state = adapter_state(policy)
    made = counted(monkeypatch)
    for stop in range(1, STEPS):
        kept = MemoryCheckpoints()
        with pytest.raises(Stopped):
            run(policy, kept, stop_after=stop)
        del made[:]
        again = run(policy, kept)
        assert made == list(range(stop + 1, STEPS + 1))
        assert bits(again.steps) == bits(whole.steps)
        assert bits(adapter_state(policy)) == bits(state)


def test_what_it_keeps_matters_in_every_part(policy: Policy) -> None:
    """Without any one of its parts the training ends elsewhere: this test would see it if one were not put back."""
    early, kept = MemoryCheckpoints(), MemoryCheckpoints()
    for checkpoints, stop in ((early, 3), (kept, 4)):
        with pytest.raises(Stopped):
            run(policy, checkpoints, stop_after=stop)
    before, found = early.kept[1, "trained"], kept.kept[1, "trained"]
    state = bits(adapter_state_after(policy, found))
    for part in ("weight", "exp_avg ", "exp_avg_sq", "randomness"):
        mixed = {n: before.arrays[n] if n.startswith(part) else a for n, a in found.arrays.items()}
        assert bits(adapter_state_after(policy, replace(found, arrays=mixed))) != state, part


def adapter_state_after(policy: Policy, found: Checkpoint) -> dict[str, np.ndarray]:
    kept = MemoryCheckpoints()
    kept.save(1, "trained", found)
    run(policy, kept)
    return adapter_state(policy)


def test_one_of_other_settings_labels_or_plan_is_left(
    policy: Policy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = MemoryCheckpoints()
    with pytest.raises(Stopped):
        run(policy, kept, stop_after=4)
    kept_4 = dict(kept.kept)
    made = counted(monkeypatch)
    other = SETTINGS.model_copy(update={"learning_rate": 6e-3})
    for settings, plan in ((other, policy.memory), (SETTINGS, policy.memory.halved("training", 1))):
        kept.kept, policy.memory = dict(kept_4), plan
        del made[:]
        caplog.clear()
        run(policy, kept, settings=settings)
        assert len(made) == STEPS
        assert "its checkpoint belongs to other data, settings or adapter" in caplog.text


def test_it_is_kept_now_and_then_and_not_at_every_step(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "EVERY_S", 3600.0)
    kept = MemoryCheckpoints()
    run(policy, kept)
    assert kept.kept == {}


# ---- in the store ----------------------------------------------------------------------------------------------------
@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = open_store(tmp_path / "store")
    queued(found)
    return found


def claimed(store: Store) -> claims.Claim:
    found = writer.claim_run(store, a_worker(store), lease_s=-1)
    assert found is not None
    return found


def checkpoint(step: int, key: str = "k") -> Checkpoint:
    arrays = {"weight A": np.full((2, 3), step, dtype=np.float32), "randomness": np.arange(5, dtype=np.uint8)}
    return Checkpoint(key, arrays, {"steps": [{"step": float(n), "loss": 0.1 * n} for n in range(1, step + 1)]})


def checkpoints_on_disk(store: Store) -> list[Path]:
    return sorted((store.folder / "files").glob("*/*checkpoint*"))


def test_the_store_keeps_the_newest_and_gives_it_back(store: Store) -> None:
    kept = StoredCheckpoints(store, claimed(store))
    assert kept.load(1, "trained") is None
    for step in (1, 2):
        kept.save(1, "trained", checkpoint(step))
    assert bits(kept.load(1, "trained")) == bits(checkpoint(2))
    assert len(checkpoints_on_disk(store)) == 1
    assert kept.load(2, "trained") is None


@pytest.mark.parametrize("how", ["cut", "changed", "gone"])
def test_a_damaged_one_is_no_use(how: str, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    kept = StoredCheckpoints(store, claimed(store))
    kept.save(1, "trained", checkpoint(1))
    (path,) = checkpoints_on_disk(store)
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if how == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    assert kept.load(1, "trained") is None
    assert "round 1, trained begins anew, its checkpoint is no use" in caplog.text
    kept.save(1, "trained", checkpoint(2))
    assert bits(kept.load(1, "trained")) == bits(checkpoint(2))


def test_it_goes_when_its_stage_is_saved(store: Store) -> None:
    claim = claimed(store)
    kept = StoredCheckpoints(store, claim)
    for event in events(world())[:5]:
        assert writer.save_event(store, claim, event)
    kept.save(1, "trained", checkpoint(1))
    assert len(checkpoints_on_disk(store)) == 1
    assert writer.save_event(store, claim, events(world())[5])
    assert checkpoints_on_disk(store) == []
    with store.read() as connection:
        names = connection.execute(schema.artefacts.select()).all()
    assert "checkpoint" not in [row.name for row in names]


def test_a_worker_that_lost_the_run_changes_no_checkpoint(store: Store) -> None:
    late, owner = StoredCheckpoints(store, claimed(store)), StoredCheckpoints(store, claimed(store))
    owner.save(1, "trained", checkpoint(2))
    late.save(1, "trained", checkpoint(9))
    assert bits(owner.load(1, "trained")) == bits(checkpoint(2))


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = StoredCheckpoints(store, claimed(store))
    kept.save(1, "trained", checkpoint(1))
    monkeypatch.setattr(files, "room_in", lambda folder: files.Room(free=10, reserve=5))
    kept.save(1, "trained", checkpoint(2))
    assert "has no newer checkpoint" in caplog.text
    assert caplog.records[-1].levelno == logging.WARNING
    assert bits(kept.load(1, "trained")) == bits(checkpoint(1))
    with pytest.raises(StoreError):
        files.write_bytes(store.folder, "files/x", bytes(20))
