"""Run grid, study card, news, subset and archive: plain data in, markup or bytes out."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.data.answers import Subset
from engine.store import claims, queries
from engine.store.database import open_store
from engine.store.summaries import LastWord, RunSummary, StrategyRef, StudyDetail, StudySummary
from tests.workbench import worlds
from workbench import cache
from workbench.components import study_card
from workbench.components.picker import study_labels
from workbench.components.run_grid import run_grid, squares
from workbench.components.study_card import ACTIONS, _chips, now_line
from workbench.study_words import compares
from workbench.style import stylesheet
from workbench.subset import adapter_command, command_of, in_lines, pushed, words_of

AT = datetime(2026, 11, 20, tzinfo=UTC)


def run(state: str = "done", done: int = 6, name: str = "apl", seed: int = 1, slot: int = 2) -> RunSummary:
    ref = StrategyRef(name, name.upper(), slot)
    return RunSummary(f"r-{name}-{seed}", "s1", ref, seed, state, "trained", done, done, 6, "", "", False, AT)


def study(*runs: RunSummary, state: str = "running", study_id: str = "s1", created: datetime = AT) -> StudyDetail:
    refs = tuple({r.strategy.name: r.strategy for r in runs}.values())
    seeds = tuple({r.seed for r in runs})
    done = sum(r.rounds_done for r in runs)
    of = 6 * len(runs)
    summary = StudySummary(
        study_id, "Six", state, created, None, refs, seeds, 6, 60, done, of, 0, 0, 0.0, None, None, "", ""
    )
    config = {"oracle": {"name": "recorded"}, "model": {"path": "/a/b/tiny-llama/"}, "strategies": [{"name": "apl"}]}
    return StudyDetail(summary, runs, config)


@pytest.mark.parametrize(
    ("state", "done", "classes"),
    [
        ("done", 6, ["slot-2"] * 6),
        ("running", 2, ["slot-2", "slot-2", "now", "", "", ""]),
        ("failed", 0, ["bad", "", "", "", "", ""]),
        ("paused", 5, ["slot-2"] * 5 + ["stopped"]),
        ("queued", 0, [""] * 6),
    ],
)
def test_a_square_a_round(state, done, classes):
    markup = squares(run(state, done))
    assert [part.split('"')[0] for part in markup.split('<i class="')[1:]] == classes
    assert f"{done} of 6 rounds done" in markup


def test_the_grid_keeps_slot_order_and_bears_a_missing_run():
    grid = run_grid([run(name="apl", seed=1), run(name="random", seed=1, slot=0), run(name="apl", seed=2, done=3)])
    assert grid.index("RANDOM") < grid.index("APL")
    assert "9 of 12" in grid
    assert "6 of 6" in grid


def test_what_a_study_compares_names_the_model_without_its_folder():
    assert (
        compares(study(run()))
        == "1 strategy × 1 seed × 6 rounds · 60 labels a round · oracle: recorded · model: tiny-llama, LoRA"
    )


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("apl",), "1 strategy"),
        (("apl", "random"), "1 strategy and 1 random twin"),
        (("apl", "random", "random:again"), "1 strategy, 1 random twin, random again"),
        (("apl", "random", "random:as apl", "random:again", "random:as apl, again"),
         "1 strategy, 2 random twins, every random again"),
        (("apl", "apl:shuffled", "full_labels", "random:on policy"), "1 strategy and 3 controls"),
    ],
)  # fmt: skip
def test_what_a_study_adds_to_its_strategies_is_counted_apart(keys, words):
    assert compares(study(*(run(name=key) for key in keys))).startswith(f"{words} × 1 seed × 6 rounds")


def test_a_strategy_that_is_handed_gold_scores_is_a_control_though_the_study_names_it():
    detail = study(run(), run(name="largest_oracle_margin"), run(name="random"), run(name="random:again"))
    names = ("random", "apl", "largest_oracle_margin")
    named = replace(detail, config={**detail.config, "strategies": [{"name": name} for name in names]})
    assert compares(named).startswith("2 strategies, random again, 1 control × ")


@pytest.mark.parametrize(
    ("asked", "computed", "said"), [("auto", "", ""), ("cuda:1", "", "cuda:1"), ("auto", "cpu", "cpu")]
)
def test_no_device_is_named_before_one_is_known(asked, computed, said):
    detail = replace(study(run()), config={"model": {"device": asked}})
    begun = replace(detail, provenance={"runs": [{"device": computed}] if computed else []})
    assert study_card._device(begun) == said


def test_the_labels_that_may_be_asked_are_summed_over_runs(monkeypatch):
    def facts(*runs: RunSummary) -> str:
        said: list[str] = []
        monkeypatch.setattr(study_card, "show", said.append)
        study_card.study_facts(study(*runs))
        return said[0]

    whole = replace(run(name="full_labels", done=1), rounds_total=1)
    assert "of 720<" in facts(run(), run(seed=2))
    assert "of 360 and 1 whole pool<" in facts(run(), whole)
    assert "of 1 whole pool<" in facts(whole)


@pytest.mark.parametrize("state", ["queued", "paused", "done", "failed", "cancelled", "waiting", "review"])
def test_every_state_has_a_line_that_says_something(state):
    assert len(now_line(study(run(state), state=state))) > 5


def test_every_state_but_done_has_something_that_can_be_done():
    offered = {state for _, _, _, states in ACTIONS for state in states}
    assert offered == {"queued", "running", "review", "waiting", "paused", "failed", "cancelled"}


def test_a_press_on_a_card_is_answered_once_a_drawing(monkeypatch):
    """A double click, or a click whose drawing was cut short, calls back twice: it must not buy two seeds."""
    callbacks: dict[str, tuple[Callable[..., None], tuple[object, ...]]] = {}
    monkeypatch.setattr(
        study_card.st, "button", lambda word, on_click, args, **_: callbacks.update({word: (on_click, args)})
    )
    pressed: list[tuple[str, str, str | None]] = []

    def draw() -> None:
        study_card.study_actions(study(run(), state="done"), lambda *asked: pressed.append(asked))

    for _ in range(2):
        draw()
        press, said = callbacks["Add a seed"]
        press(*said)
        press(*said)
    assert pressed == [("seed", "s1", None)] * 2, "the second drawing answers again"

    callbacks.clear()
    campaign = replace(study(run(), state="done"), config={"oracle": {"name": "people"}})
    study_card.study_actions(campaign, lambda *asked: None)
    assert "Add a seed" not in callbacks, "a campaign is one run"


def test_labels_of_studies_are_distinct_and_the_oldest_keeps_its_name():
    older = study(run(), study_id="s-older", created=datetime(2026, 1, 1, tzinfo=UTC)).summary
    newer = study(run(), study_id="s-newer").summary
    assert {label: s.id for label, s in study_labels([newer, older]).items()} == {
        "Six (-newer)": "s-newer",
        "Six": "s-older",
    }


def test_the_stylesheet_has_every_slot_and_fetches_nothing():
    css = stylesheet()
    assert all(f".slot-{n} " in css for n in range(10))
    assert "url(" not in css
    assert "@import" not in css


def test_a_subset_says_the_command_that_does_the_same():
    whole = Subset(study_id="s1")
    assert command_of(whole, "trl", "jsonl") == "workbench export s1 --profile trl --format jsonl --out ./export"
    part = Subset(study_id="s1", strategy="apl", seed=2, upto_round=3)
    assert "--strategy apl --seed 2 --round 3" in command_of(part, "trl", "parquet")
    assert (words_of(part), words_of(whole)) == ("apl-seed2-round3", "all")
    arm = Subset(study_id="s1", strategy="random:on policy", selection="l1", agreement_at_least=0.5)
    assert shlex.split(command_of(arm, "trl", "jsonl", names=True, licence="CC BY 4.0"))[3:] == [
        "--strategy", "random:on policy", "--selection", "l1", "--agreement", "0.5", "--profile", "trl", "--format",
        "jsonl", "--names", "--licence", "CC BY 4.0", "--out", "./export",
    ]  # fmt: skip
    long = command_of(arm, "trl", "jsonl", licence="mine -- 'and' --format yours")
    lines = in_lines(long).split(" \\\n")
    assert lines[:2] == ["workbench export s1", "  --strategy 'random:on policy'"]
    assert shlex.split(" ".join(lines)) == shlex.split(long)
    assert words_of(arm) == "random-on-policy-l1-agreement_at_least0-5", "a colon is no sign for a file's name"
    taken = adapter_command(run(name="random:on policy", seed=2), 3, merged=True)
    assert shlex.split(taken) == [
        "workbench", "export", "s1", "--adapter", "--strategy", "random:on policy", "--seed", "2", "--round", "3",
        "--merged", "--out", "./adapter",
    ]  # fmt: skip
    sent = shlex.split(pushed(long, "me/my subset", public=True))
    assert sent[-4:] == ["./export", "--push", "me/my subset", "--public"]
    assert pushed("x", "me/data", public=False) == "x --push me/data"


def test_cached_queries_equal_fresh_ones_and_follow_the_revision(tmp_path, monkeypatch):
    store = worlds.running(tmp_path, done=1)
    monkeypatch.setenv(cache.STORE_VARIABLE, str(tmp_path))
    study_id = queries.studies(store)[0].id
    before = cache.study(study_id)
    assert before == queries.study(store, study_id) == cache.study(study_id)
    assert cache.curve(study_id, "accuracy", "balanced").equals(queries.curve(store, study_id, "accuracy", "balanced"))
    worlds.writer.set_state(store, before.runs[-1].id, "cancelled")
    assert cache.study(study_id).runs[-1].state == "cancelled"
    assert before.runs[-1].state == "queued"


def test_workers_are_asked_at_most_every_two_seconds(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    asked = []

    def counted(handle) -> list[LastWord]:
        asked.append(handle.folder)
        return []

    monkeypatch.setattr(queries, "last_words", counted)
    cache.workers.clear()
    for _ in range(50):
        cache.workers(str(store.folder))
    assert len(asked) == 1


def test_workers_are_read_again_only_when_one_has_said_a_word(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    monkeypatch.setenv("WORKBENCH_STORE", str(tmp_path))
    one = claims.register_worker(store, "device", "cpu", 1, "here")
    read, asked = queries.last_words, []
    monkeypatch.setattr(queries, "last_words", lambda handle: asked.append(1) or read(handle))

    def silent() -> float:
        cache.workers.clear()
        (worker,) = cache.workers(str(store.folder))
        return worker.seconds_since_word

    def later(seconds: float) -> None:
        monkeypatch.setattr(queries, "beat", lambda: claims.beat() + seconds)

    first = silent()
    later(100)
    assert silent() > first + 99, "its silence grows without a look at its row"
    assert len(asked) == 1
    before = queries.revision(store)
    later(0)
    claims.heartbeat(store, one, None, "rests")
    assert queries.revision(store) == before, "a word is no news for pages"
    assert silent() < 50
    assert len(asked) == 2
    claims.end_worker(store, one)
    cache.workers.clear()
    assert cache.workers(str(store.folder)) == []


def test_a_study_runs_only_while_one_of_its_runs_does():
    def chips(*states: str, state: str) -> str:
        return _chips(study(*(run(s, seed=n) for n, s in enumerate(states)), state=state))

    assert "running" in chips("done", "running", state="running")
    assert "waits its turn" in chips("done", "queued", state="running")
    assert "1 run failed" in chips("failed", "running", state="failed")
    assert "running" in chips("failed", "running", state="failed")
    assert "finished" in chips("done", "done", state="done")
    assert "failed" in chips("failed", "done", state="failed")
    assert "Waits for a worker" in now_line(study(run("done"), run("queued", seed=2), state="running"))


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        ("round 3, training, step 9", "Now: <b>APL, seed 1, round 3</b> · training, step 9"),
        ("picking", "Now: <b>APL, seed 1, round 2</b> · picking"),
        ("", "Now: <b>APL, seed 1, round 2</b> · training"),
    ],
)
def test_the_workers_own_word_says_the_round_once(progress, words):
    assert now_line(study(replace(run("running", done=2), progress=progress))) == words
