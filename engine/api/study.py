"""`engine.Study`: one study from its file to its verdict, in a notebook or script, over the store that the app has."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from engine.api.markup import block, escaped
from engine.api.pairs import Pairs, ShownPair
from engine.api.progress import bars, line, progress
from engine.api.words import CURVE, LEVELS, NOTHING_YET, RUNS, SCORES, VERDICTS
from engine.config import StudyConfig
from engine.data.pool import PreferenceData
from engine.data.prepare import prepare_study
from engine.errors import ConfigError, EngineError, StoreError
from engine.store import queries
from engine.store.browse import datasets_of
from engine.store.database import Store, open_store, usual_folder
from engine.store.summaries import MetricRef, RunSummary, StudyDetail
from engine.store.texts import load_dataset

if TYPE_CHECKING:
    from engine.api.exported import Choices, Exported
    from engine.api.table import Table

OVER = ("done", "failed", "cancelled", "paused", "review", "waiting")
"""States in which no worker goes on by itself."""
LOOK_S = 0.5


class Study:
    """One study. `from_yaml` begins one from a file, `open` takes one that a store holds, whoever started it.

    Nothing is kept here: every answer is read from the store, so it is as new as what the app shows.
    """

    def __init__(self, config: StudyConfig, store: Store | Path | str | None = None, study_id: str = "") -> None:
        self._config, self._id = config, study_id
        self._where = store
        self._store: Store | None = None

    @classmethod
    def from_yaml(cls, path: Path | str, store: Store | Path | str | None = None, **changes: Any) -> "Study":
        """The study of a file, with fields of it set otherwise (`seeds=[1], rounds=2`). Nothing is written yet.

        `store` is a folder, by default $WORKBENCH_STORE, else ./.store. ConfigError names all that is wrong.
        """
        where: Store | Path = store if isinstance(store, Store) else usual_folder(store)
        if isinstance(where, Path) and (where / "workbench.db").is_file():
            where = open_store(where)  # it may keep a strategy that the file names
        config = StudyConfig.from_yaml(Path(path))
        if changes:
            config = StudyConfig.from_dict({**config.model_dump(mode="json"), **changes}, str(path))
        return cls(config, where)

    @classmethod
    def open(cls, study: str, store: Store | Path | str | None = None) -> "Study":
        """A study that the store holds, by id, or by its name if only one has it; StoreError otherwise.

        ConfigError if a plugin that it names is not here.
        """
        where = store if isinstance(store, Store) else open_store(usual_folder(store), create=False)
        detail = queries.study(where, study)
        return cls(StudyConfig.from_dict(detail.config, study), where, detail.summary.id)

    @property
    def config(self) -> StudyConfig:
        """All of its settings, defaults too."""
        return self._config

    @property
    def store(self) -> Store:
        """The open store; it is made when it is first asked for."""
        if self._store is None:
            self._store = self._where if isinstance(self._where, Store) else open_store(usual_folder(self._where))
        return self._store

    @property
    def id(self) -> str:
        """Its id in the store, "" before it is queued."""
        return self._id

    @property
    def detail(self) -> StudyDetail:
        """What the store knows of it now; StoreError before it is queued."""
        if not self._id:
            raise StoreError(f"Study {self.config.name!r} is not in a store yet.", "Say .run() or .queue() first.")
        return queries.study(self.store, self._id)

    @property
    def state(self) -> str:
        """queued, running, review, waiting, paused, done, failed or cancelled; "" before it is queued."""
        return self.detail.summary.state if self._id else ""

    def queue(self) -> "Study":
        """Read and check its data and queue its runs, once; a worker of this store or the app takes them up."""
        if not self._id:
            self._id = prepare_study(self.store, self.config)
        return self

    def run(self) -> "Study":
        """Queue it, and run it to its end with live progress; EngineError if it fails.

        Where a worker answers already (the app is open), that one runs it and this watches; else workers of its own are
        started, which end when nothing is queued. Interrupting ends the watching, and those workers; no finished stage
        is lost. Returns when it is done, or waits for people.
        """
        from engine.running import still_waits, work

        self.queue()
        look = progress(self.store, self._id)
        while self.state not in OVER:
            if self._has_worker():
                look()
                time.sleep(LOOK_S)
                continue
            work(self.store.folder, look, most=len(self.detail.runs), quiet=True)
            if self.state == "queued" and not self._has_worker():
                raise still_waits(self.detail.summary.name)
        look()
        summary = self.detail.summary
        if summary.state == "failed":
            raise EngineError(f"Study {summary.name!r} failed: {summary.error}", "Mend it, then retry the study.")
        return self

    def runs(self) -> "Table":
        """A row a run: its strategy and seed, its state, rounds done and planned, what it does or why it failed."""
        from engine.api.table import table

        rows = [{**vars(run), "strategy": run.strategy.name, "run_id": run.id} for run in self.detail.runs]
        return table({name: [row[name] for row in rows] for name in RUNS}, RUNS)

    def pool(self) -> PreferenceData:
        """The texts, pairs and recorded answers it picks from: `.preview()` shows the first pairs."""
        return load_dataset(self.store, datasets_of(self.store, self.detail.summary.id)["pool"])

    def metrics(self) -> list[MetricRef]:
        """The figures that there are, each with its held-out sets and its unit."""
        return queries.metric_names(self.store, self.detail.summary.id)

    def curves(self, metric: str = "") -> "Table":
        """A row a run, round and held-out set: a figure after so many labels, by default the one that decides."""
        from engine.api.table import table

        ref, frame = self._values(metric)
        return table(
            frame, {**CURVE, "value": f"{ref.name}, in {ref.unit or 'no unit'}"} if ref else CURVE, self._note()
        )

    def levels(self, metric: str = "") -> "Table":
        """A row a strategy, round and held-out set: the mean over seeds with Student's 95 % interval."""
        import pandas as pd

        from engine.analysis.levels import levels
        from engine.api.table import table

        ref, frame = self._values(metric)
        parts = [levels(part).assign(held_out=name) for name, part in frame.groupby("held_out", sort=False)]
        whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(LEVELS))
        return table(whole, {**LEVELS, "mean": f"mean {ref.name} over seeds, in {ref.unit}"} if ref else LEVELS,
                     self._note())  # fmt: skip

    def plot(self, metric: str = "", held_out: str = "") -> Any:
        """A plotly figure: the mean of each strategy against labels bought, with its 95 % band from three seeds on."""
        from engine.api.plot import curve_plot

        found = self.levels(metric)
        name = held_out or next(iter(found["held_out"]), "")
        return curve_plot(found[found["held_out"] == name], metric or self._decides(), name)

    def picks(self, strategy: str, round: int, seed: int | None = None) -> Pairs:
        """The batch of a round with texts and answers, best first. `seed` by default the first that has run.

        StoreError: no such strategy, seed or round.
        """
        run = self._run(strategy, seed)
        there = queries.rounds(self.store, run.id)
        if round not in there:
            known = ", ".join(map(str, there)) or "none yet"
            raise StoreError(f"Run {run.id} has no picks of round {round}.", f"It has those of: {known}.")
        picks = queries.batch(self.store, run.id, round)
        kind = "warm-up batch, drawn at random" if picks and picks[0].warm_up else run.strategy.title
        return Pairs(
            f"{self.detail.summary.name}: {kind}, seed {run.seed}, round {round}",
            [
                ShownPair(
                    pick.pair_id, pick.messages, pick.response_a, pick.response_b, pick.answer, _words(pick),
                    {"rank": pick.rank, "score": pick.score, "gain": pick.gain},
                )
                for pick in picks
            ],
        )  # fmt: skip

    def scores(self, strategy: str, round: int, seed: int | None = None) -> "Table":
        """A row a candidate pair of that round: its score, and the signals that were kept ("name.a", "name.b")."""
        from engine.api.table import table

        frame = queries.scores(self.store, self._run(strategy, seed).id, round)
        return table(frame, {**SCORES, **{name: f"signal {name}" for name in frame.columns if name not in SCORES}})

    def verdicts(self) -> "Table":
        """A row a strategy: what the referee says of it against its random twin, with the interval; or why nothing."""
        from engine.api.table import table
        from engine.evidence import in_slot_order, weighed
        from engine.verdict_words import verdict_rows

        detail = self.detail
        evidence, refs = weighed(self.store, detail), in_slot_order(detail)
        rows = []
        for row in verdict_rows(evidence, refs):
            said = row["verdict"]
            rows.append({**said, "difference": said["difference"]["mean"], "strategy": row["strategy"],
                         "title": refs[row["strategy"]].title, "verdict": said["word"], "twin": row["twin"],
                         "held_out": row["held-out set"], "seeds": len(row["seeds"]),
                         "exploratory": row["exploratory"], "sentence": row["sentence"]})  # fmt: skip
        return table({name: [row[name] for row in rows] for name in VERDICTS}, VERDICTS, evidence.why_none)

    def export(self, out: Path | str, **choices: "Unpack[Choices]") -> "Exported":
        """`engine.export` of this study: the labelled subset into a new folder."""
        from engine.api.exported import export

        return export(self, out, **choices)

    def _repr_html_(self) -> str:
        return bars(self.detail)._repr_html_() if self._id else block(f"<pre>{escaped(repr(self))}</pre>")

    def __repr__(self) -> str:
        return f"<Study {self.config.name!r} {self._id or 'not queued yet'}: {line(self.detail)}>" if self._id else (
            f"<Study {self.config.name!r}: not queued yet, {len(self.config.runs())} runs>"
        )  # fmt: skip

    def _has_worker(self) -> bool:
        return any(worker.alive for worker in queries.workers(self.store) if worker.kind == "device")

    def _decides(self) -> str:
        from engine.evidence import declared_of
        from engine.verdict_words import FIGURES

        return FIGURES[declared_of(self.detail)[0].metric]

    def _values(self, metric: str) -> tuple[MetricRef | None, Any]:
        """The figure, and its values on all held-out sets; ConfigError if there is no such figure."""
        import pandas as pd

        refs = {ref.name: ref for ref in self.metrics()}
        name = metric or self._decides()
        if name not in refs:
            if not refs and not metric:
                return None, pd.DataFrame(columns=list(CURVE))
            known = ", ".join(refs) or "none yet: no round is done"
            raise ConfigError(f"Study {self.detail.summary.name!r}", [f"it has no figure {name!r}"], f"Known: {known}.")
        ref = refs[name]
        curves = [queries.curve(self.store, self._id, name, split).assign(held_out=split) for split in ref.splits]
        return ref, pd.concat(curves, ignore_index=True)

    def _note(self) -> str:
        summary = self.detail.summary
        return "" if summary.rounds_done else f"{NOTHING_YET} The study is {summary.state}."

    def _run(self, strategy: str, seed: int | None) -> RunSummary:
        runs = self.detail.runs
        mine = [run for run in runs if run.strategy.name == strategy]
        if not mine:
            there: Mapping[str, None] = dict.fromkeys(run.strategy.name for run in runs)
            raise StoreError(f"The study has no strategy {strategy!r}.", f"It has: {', '.join(there)}.")
        found = [run for run in mine if seed in (None, run.seed)]
        if not found:
            seeds = ", ".join(str(run.seed) for run in mine)
            raise StoreError(f"{strategy} has no run with seed {seed}.", f"It has: {seeds}.")
        return found[0]


def _words(pick: Any) -> str:
    numbers = [f"{name} {value:.4g}" for name in ("score", "gain") if (value := getattr(pick, name)) is not None]
    return " · ".join([f"rank {pick.rank}", *numbers])
