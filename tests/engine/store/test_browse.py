"""Search, a prompt with all that is known of it, and a round's scores, against slow twins that read everything."""

import numpy as np
import pytest
import sqlalchemy as sa

from engine.data.pool import PreferenceData
from engine.records import (
    Evaluated,
    Label,
    Labelled,
    Message,
    Metric,
    Pair,
    Pick,
    Picked,
    Pooled,
    Prompt,
    Response,
    Scored,
)
from engine.store import browse, queries, schema, texts, writer
from engine.store.database import Store, open_store
from tests.workbench import worlds


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return worlds.finished(tmp_path_factory.mktemp("browse") / "store", seeds=(1, 2), strategies=("random", "apl"))


@pytest.fixture(scope="module")
def pool(store) -> tuple[str, PreferenceData]:
    dataset_id = browse.datasets_of(store, queries.studies(store)[0].id)["pool"]
    return dataset_id, texts.load_dataset(store, dataset_id)


def slow_search(data: PreferenceData, text: str) -> list[str]:
    """Prompt ids; A to Z are the same as a to z, all else is compared as it is."""

    def folded(value: str) -> str:
        return "".join(c.lower() if c.isascii() else c for c in value)

    wanted = folded(text.strip())
    found = []
    for prompt in data.prompts.values():
        bodies = [m.content for m in prompt.messages]
        bodies += [r.text for r in data.responses.values() if r.prompt_id == prompt.id]
        if any(wanted in folded(body) for body in bodies):
            found.append(prompt.id)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jumper 3",
        "SOAK",
        "  soak ",
        "smoke",
        "100%",
        "_",
        "%",
        "\\",
        "'",
        '"',
        "🧶",
        "مرحبا",
        "<script>",
        "no such",
    ],
)
def test_search_equals_its_slow_twin(store, pool, text):
    dataset_id, data = pool
    page = browse.search(store, dataset_id, text)
    assert [p.id for p in page.prompts] == slow_search(data, text)
    assert page.total == len(page.prompts)


def test_search_finds_what_like_would_take_for_a_sign(tmp_path):
    store, data = open_store(tmp_path / "s"), PreferenceData()
    for body in ("50% off", "50x off", "a_b", "axb", "back\\slash"):
        prompt = Prompt.of([Message("user", body)])
        data.prompts[prompt.id] = prompt
    dataset_id = texts.add_dataset(
        store, name="n", path="p", format_name="f", sha256="1", data=data, rows=5, refused={}
    )  # fmt: skip
    for text, found in (("50%", 1), ("a_b", 1), ("back\\s", 1), ("x", 2)):
        assert browse.search(store, dataset_id, text).total == found


def test_pages_of_a_search_follow_the_file_and_count_it_all(tmp_path):
    store, data = open_store(tmp_path / "s"), PreferenceData()
    for n in range(120):
        prompt = Prompt.of([Message("user", f"Prompt {n:03}")])
        data.prompts[prompt.id] = prompt
    dataset_id = texts.add_dataset(
        store, name="n", path="p", format_name="f", sha256="1", data=data, rows=120, refused={}
    )  # fmt: skip
    pages = [browse.search(store, dataset_id, "prompt", page) for page in range(4)]
    assert [len(page.prompts) for page in pages] == [50, 50, 20, 0]
    assert {page.total for page in pages} == {120}
    assert [p.row for page in pages for p in page.prompts] == list(range(1, 121))
    assert [p.id for page in pages for p in page.prompts] == list(data.prompts)


def test_counts_of_a_found_prompt_equal_those_of_the_data(store, pool):
    dataset_id, data = pool
    for found in browse.search(store, dataset_id).prompts:
        assert found.responses == sum(r.prompt_id == found.id for r in data.responses.values())
        assert found.pairs == sum(p.prompt_id == found.id for p in data.pairs.values())
        assert found.recorded == sum(data.pairs[c.pair_id].prompt_id == found.id for c in data.comparisons)


def test_recorded_counts_every_answer_of_the_file(store, pool):
    dataset_id, data = pool
    assert sum(browse.recorded(store, dataset_id).values()) == len(data.comparisons)
    assert set(browse.recorded(store, dataset_id)) == {"a", "b"}


def test_a_prompt_has_its_responses_answers_and_bought_labels(store, pool):
    dataset_id, data = pool
    study = queries.studies(store)[0]
    bought = 0
    for prompt_id in data.prompts:
        found = browse.prompt(store, dataset_id, prompt_id, study.id)
        assert found is not None
        mine = [r for r in data.responses.values() if r.prompt_id == prompt_id]
        assert [r.text for r in found.responses] == [r.text for r in mine]
        assert found.pairs == {p.id: (p.a, p.b) for p in data.pairs.values() if p.prompt_id == prompt_id}
        assert [r[:2] for r in found.recorded] == [
            (c.pair_id, c.answer) for c in data.comparisons if data.pairs[c.pair_id].prompt_id == prompt_id
        ]
        assert all(label.pair_id in found.pairs for label in found.bought)
        bought += len(found.bought)
    assert bought == study.labels_unique > 0


def test_a_prompt_of_another_data_set_is_not_found(store, pool):
    assert browse.prompt(store, pool[0], "not there") is None
    assert browse.prompt(store, "not there", next(iter(pool[1].prompts))) is None


def test_responses_that_a_run_made_are_shown_with_their_round(tmp_path):
    store = worlds.finished(tmp_path / "s", seeds=(1,), rounds=1, strategies=("random",))
    study = queries.studies(store)[0]
    dataset_id = browse.datasets_of(store, study.id)["pool"]
    data = texts.load_dataset(store, dataset_id)
    prompt = next(iter(data.prompts.values()))
    made, part = Response.of(prompt.id, "made by the policy", "policy"), PreferenceData()
    part.responses[made.id] = made
    with store.write() as connection:
        run_id = connection.execute(sa.select(schema.runs.c.id)).scalar_one()
        texts.add_texts(connection, part, run_id=run_id, round_number=1)
    found = browse.prompt(store, dataset_id, prompt.id, study.id)
    assert found is not None
    assert (found.responses[-1].text, found.responses[-1].round) == ("made by the policy", 1)
    alone = browse.prompt(store, dataset_id, prompt.id)
    assert alone is not None
    assert len(alone.responses) == len(found.responses) - 1
    assert alone.bought == ()


def test_pair_texts_come_in_the_order_asked_and_skip_what_is_not_there(store, pool):
    ids = list(pool[1].pairs)[:5][::-1]
    found = browse.pair_texts(store, [ids[0], "no pair", *ids])
    assert [p.pair_id for p in found] == ids
    pair = pool[1].pairs[ids[0]]
    assert (found[0].response_a, found[0].response_b) == (
        pool[1].responses[pair.a].text,
        pool[1].responses[pair.b].text,
    )


def test_answered_are_the_labels_of_the_seed_bought_before_the_round(store):
    study = queries.studies(store)[0]
    runs = [r for r in queries.study(store, study.id).runs if r.seed == 1]
    picked = {p.pair_id for r in runs for p in queries.batch(store, r.id, 1)}
    assert browse.answered(store, study.id, 1, 2) == picked
    assert browse.answered(store, study.id, 1, 1) == frozenset()
    assert browse.answered(store, study.id, 9, 9) == frozenset()


def scored_run(folder) -> tuple[Store, str, list[str], np.ndarray]:
    store = open_store(folder)
    _, data = worlds.add_study(store, "one", seeds=(1,), rounds=1, strategies=("activedpo",))
    claim = writer.claim_run(store, worlds.worker(store))
    assert claim is not None
    ids = list(data.pairs)
    values = np.linspace(0, 1, len(ids))
    values[3] = np.nan
    picks = tuple(Pick(pair_id, n, score=1.0, gain=0.9) for n, pair_id in enumerate(ids[-2:], start=1))
    for event in (
        Evaluated(0, (Metric("accuracy", "pool_like", 0.5, 10, "share of pairs"),)),
        Pooled(1, tuple(ids)),
        Scored(1, (), values),
        Picked(1, picks),
        Labelled(1, tuple(Label(p.pair_id, "a", "recorded") for p in picks)),
    ):
        writer.save_event(store, claim, event)
    return store, claim.run_id, ids, values


def test_round_scores_are_those_saved_with_the_picks_in_order(tmp_path):
    store, run_id, ids, _ = scored_run(tmp_path / "s")
    found = browse.round_scores(store, run_id, 1)
    assert found is not None
    assert (found.strategy.name, found.round, found.greedy, found.warm_up) == ("activedpo", 1, True, False)
    assert found.picks == tuple(ids[-2:])
    assert (found.candidates, [quantity.key for quantity in found.quantities]) == (len(ids), ["score"])


def test_round_scores_before_a_pick_and_of_no_run_are_none(tmp_path):
    store, run_id, _, _ = scored_run(tmp_path / "s")
    assert browse.round_scores(store, run_id, 2) is None
    assert browse.round_scores(store, "no run", 1) is None


def test_a_pattern_finds_only_the_text_itself():
    assert browse.pattern("50%_\\") == "%50\\%\\_\\\\%"


def test_pairs_shown_have_both_sides_shown(store, pool):
    data = pool[1]
    prompt_id = next(iter(data.prompts))
    found = browse.prompt(store, pool[0], prompt_id)
    assert found is not None
    shown = {r.id for r in found.responses}
    assert all(isinstance(Pair(p, prompt_id, a, b), Pair) and {a, b} <= shown for p, (a, b) in found.pairs.items())
