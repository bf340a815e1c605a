"""A device worker: claims runs, saves what the loop yields, obeys commands.

If it dies, another takes the run over from the last finished stage.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.beside import Beside
from engine.claiming import Claiming
from engine.computed import plan_in_numbers, provenance
from engine.data.pool import PreferenceData
from engine.errors import EngineError, ModelError, TrainingError
from engine.loop import Inputs, Stopped, rounds
from engine.records import Event, Pick, Picked, stage_of
from engine.resume import MemoryPlan, killed_for_memory
from engine.settings import ModelSettings
from engine.store import campaigns, judged, reviews, writer
from engine.store.cache import FileCache
from engine.store.checkpoints import StoredCheckpoints
from engine.store.claims import HALVED_AT
from engine.store.database import Store, open_store
from engine.store.files import room_in
from engine.store.history import load_events
from engine.store.origins import origins
from engine.store.plugins import as_it_runs
from engine.store.provenance import provenance_of
from engine.store.round_table import make_table
from engine.tracking import Tracking, tracked

if TYPE_CHECKING:
    from engine.models.policy import Policy

_log = logging.getLogger(__name__)
Loop = Callable[..., Iterator[Event]]


class Worker(Claiming[writer.Claim]):
    """One device worker. `loop` is `engine.loop.rounds`, or in tests another with its signature."""

    kind = "device"
    out_of_memory = "Memory ran out outside a pass of the model. Lower prompts_per_round, then retry."

    def __init__(
        self, store: Store, device: str = "auto", lease_s: float = writer.LEASE_S, loop: Loop = rounds
    ) -> None:
        super().__init__(store, device, lease_s)
        self.loop = loop
        self._policy: tuple[str, Policy] | None = None
        self._waits: tuple[str, ...] = ()  # pairs of the batch in hand that people have to answer
        self._threads = 0  # as this worker was started
        self._beside = Beside(store, self.id, lease_s, self._check, self._lasting)

    def _claim(self) -> writer.Claim | None:
        room = room_in(self.store.folder).holds(0)
        self._doing = "waits for work" if room else "waits for room on the disk"
        if not room:  # else every queued run would fail in turn
            return None
        with suppress(Stopped):  # then it ends before it claims anything
            self._beside.do_all(self._lend)
        if self._stop.is_set():
            return None
        return writer.claim_run(self.store, self.id, self.lease_s)

    def _carry_out(self, claim: writer.Claim) -> bool:
        """One run, from its last finished stage to its end."""
        self._doing = "reads the data"
        claim = replace(claim, config=as_it_runs(self.store, claim.config))
        with tracked(self.store, claim) as tracking:
            tracking.state = self._rounds(claim, tracking)
            self._lasting(lambda: self._end(claim, tracking.state))
        return True

    def _end(self, claim: writer.Claim, state: str, error: str = "") -> None:
        writer.set_state(self.store, claim.run_id, state, error=error, only_from=["running"], worker_id=self.id)

    def _advice(self, claim: writer.Claim, error: EngineError) -> str:
        """A run's config never changes: where it is the cause, a clone goes on without buying a label again."""
        if not isinstance(error, TrainingError):
            return ""
        lower = claim.config.study.dpo.learning_rate / 10
        return (
            " If the config is the cause, a retry ends the same: a study with another one begins with the labels that "
            f"this one bought by `workbench study clone {claim.study_id} --with-labels "
            f"--set dpo.learning_rate={lower:g}`."
        )

    def _word(self, claim: writer.Claim | None) -> bool:
        """A paused, cancelled or taken run is lost."""
        self._beside.word()
        return writer.heartbeat(self.store, self.id, claim.run_id if claim else None, self._doing, self.lease_s)

    def _rounds(self, claim: writer.Claim, tracking: Tracking) -> str:
        """Save every event the loop yields; the state it ends in: done, or what it waits for, review or labels."""
        done, _ = load_events(self.store, claim.run_id)
        kept = [(event.round, stage_of(event)) for event in done]
        self._patient(lambda: writer.drop_stages(self.store, claim, keep=kept))
        data = self._patient(lambda: campaigns.data_of(self.store, claim, self._check))
        if data is None:
            return "waiting"
        policy = self._policy_for(self._in_its_dtype(claim) if done else claim)

        self._as_before(claim, policy, bool(done))

        def note(memory: MemoryPlan) -> None:
            plan = {"memory_plan": plan_in_numbers(memory, claim.config.study, policy)}
            found = origins(self.store, claim) | provenance(policy) | plan | {"killed_for_memory": killed_for_memory()}
            device = str(policy.device) if policy else self.device
            self._patient(lambda: writer.save_provenance(self.store, claim, found, device))

        inputs = self._inputs(claim, note, *data)
        if policy is not None and not done:
            from engine.models.footprint import beside_others

            inputs.memory = beside_others(policy, inputs.memory)
        note(inputs.memory)
        tracking.begin(done)
        last: Event | None = done[-1] if done else None
        for event in self.loop(inputs, done, self._say, policy):
            if not self._patient(lambda event=event: writer.save_event(self.store, claim, event)):  # type: ignore[misc]
                raise Stopped
            make_table(self.store, claim.run_id, event)
            tracking.tell(event)
            last = event
            self._check()
            self._beside.do_all(self._lend)
        if last is not None and (last.round, stage_of(last)) == (claim.config.study.rounds, "evaluated"):
            return "done"
        if isinstance(last, Picked) and self._unreviewed(claim, last):
            return "review"
        if isinstance(last, Picked) and claim.config.study.oracle.people:
            self._patient(lambda: campaigns.ask(self.store, claim, last, self._waits))
        return "waiting"

    def _unreviewed(self, claim: writer.Claim, batch: Picked) -> bool:
        return claim.config.study.review and not batch.own and reviews.waits(self.store, claim.run_id, batch.round)

    def _as_before(self, claim: writer.Claim, policy: "Policy | None", begun: bool) -> None:
        """A run that goes on is computed as it was begun: the same model, kind of device and number of threads.

        ModelError if this worker cannot: nothing is computed, and the run can be retried where it can.
        """
        if policy is None:
            return
        import torch

        before = provenance_of(self.store, claim.run_id) if begun else {}
        if before.get("model_sha256", policy.base_hash) != policy.base_hash:
            raise ModelError(
                f"The model {policy.name} is not the one this run was begun with: its weights have the hash "
                f"{policy.base_hash[:8]}, not {before['model_sha256'][:8]}.",
                "Put the first one back and retry, or clone the study.",
            )
        kind = str(before.get("device", policy.device)).split(":")[0]
        if kind != policy.device.type:
            raise ModelError(
                f"This run was computed on {before['device']} so far; this worker has {policy.device}.",
                "Start a worker on such a device and retry, or clone the study.",
            )
        self._threads = self._threads or torch.get_num_threads()
        threads = int(before.get("threads", self._threads)) if kind == "cpu" else self._threads
        if threads != torch.get_num_threads():
            _log.info("%s goes on with %d threads, as it was begun.", claim.run_id, threads)
            torch.set_num_threads(threads)

    def _inputs(
        self,
        claim: writer.Claim,
        note: Callable[[MemoryPlan], None],
        pool: PreferenceData,
        held_out: Mapping[str, PreferenceData],
    ) -> Inputs:
        def edited(number: int, own: Sequence[Pick]) -> Sequence[Pick] | None:
            if not claim.config.study.review:
                return own
            found = reviews.review(self.store, claim.run_id, number)
            return found.picks if found.released else None

        return Inputs(
            claim.config,
            pool,
            held_out,
            FileCache(self.store.folder / "cache"),
            partial(campaigns.bought_or_not, self.store, claim),
            edited,
            partial(campaigns.may_return, self.store, claim),
            waits=self._wait_for,
            spent=partial(judged.used, self.store, claim.study_id),
            check=self._check,
            checkpoints=StoredCheckpoints(self.store, claim),
            memory=self._memory(claim),
            keep_memory=note,
            study_id=claim.study_id,
            run_id=claim.run_id,
        )

    def _wait_for(self, pair_ids: Sequence[str]) -> None:
        self._waits = tuple(pair_ids)

    def _memory(self, claim: writer.Claim) -> MemoryPlan:
        """The plan so far, halved if worker after worker was ended by the system, which tells no process before.

        The system counts whom it ends for memory: a worker that was killed by hand changes nothing.
        """
        plan = writer.memory_plan(self.store, claim)
        if claim.deaths not in HALVED_AT:
            return plan
        before, now = provenance_of(self.store, claim.run_id).get("killed_for_memory"), killed_for_memory()
        if now is not None and (before is None or now <= before):
            return plan
        _log.warning(
            "%s: %d workers died over this stage, and the system ends processes for want of memory. All batches are "
            "halved (%s); results agree within the stated tolerance.", claim.run_id, claim.deaths, plan.all_halved()
        )  # fmt: skip
        return plan.all_halved()

    def _in_its_dtype(self, claim: writer.Claim) -> writer.Claim:
        """A run that has begun goes on in its dtype, whatever this machine would choose by itself."""
        study = claim.config.study
        dtype = provenance_of(self.store, claim.run_id).get("dtype")
        if dtype is None or study.model.dtype != "auto":
            return claim
        model = study.model.model_copy(update={"dtype": dtype})
        config = claim.config.model_copy(update={"study": study.model_copy(update={"model": model})})
        return replace(claim, config=config)

    def _policy_for(self, claim: writer.Claim) -> "Policy | None":
        """The base model stays loaded from run to run; the loop gives each run its own fresh adapter."""
        if self.loop is not rounds:
            return None
        from engine.models.load import load_policy

        settings = self._settings_here(claim.config.study.model)
        key = settings.model_dump_json()
        if self._policy is None or self._policy[0] != key:
            self._doing = "loads the model"
            self._policy = None  # two would need the memory of two
            self._policy = (key, load_policy(settings, claim.config.seed, self._check))
        return self._policy[1]

    def _settings_here(self, settings: ModelSettings) -> ModelSettings:
        """A study that says CPU is not moved to a GPU."""
        moved = self.device != "auto" and settings.device != "cpu"
        return settings.model_copy(update={"device": self.device}) if moved else settings

    @contextmanager
    def _lend(self, settings: ModelSettings, seed: int) -> "Iterator[Policy]":
        """The model in hand if it is the one wanted, else another; between two runs that one stays loaded."""
        from engine.models.load import load_policy
        from engine.models.watch import lent

        here = self._settings_here(settings)
        key, in_hand = here.model_dump_json(), self._policy
        if in_hand is None or in_hand[0] != key:
            if self._holds is None:
                self._policy = in_hand = None
            in_hand = (key, load_policy(here, seed, self._check))
            self._policy = in_hand if self._holds is None else self._policy
        with lent(in_hand[1]) as policy:
            yield policy


def work(folder: Path, device: str = "auto", until_idle: bool = False) -> int:
    """Run a device worker on a store until SIGTERM or Ctrl-C (or until nothing is left to do).

    ModelError if the device is none that is there.
    """
    if device != "auto":
        from engine.models.device import choose_device

        choose_device(device)
    worker = Worker(open_store(folder), device)
    worker.stop_when_asked()
    return worker.work(until_idle)
