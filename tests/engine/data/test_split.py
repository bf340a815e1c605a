"""The split by prompt: as before where nothing more is said; groups stay whole, strata keep their share."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import StudyConfig
from engine.data.pool import PreferenceData
from engine.data.prepare import split_as_told, split_words
from engine.data.proof.near import near_prompts
from engine.data.split import split_by_prompt, stratum_of
from engine.errors import DataError
from engine.records import Message, Prompt, Response
from engine.seeds import uniforms


def made(n: int, topics: int = 1, sources: int = 1) -> PreferenceData:
    prompts = [Prompt.of((Message("user", f"How do I wash thing {i}?"),), f"topic {i % topics}") for i in range(n)]
    responses = [Response.of(p.id, f"so, {p.id}", f"model {i % sources}") for i, p in enumerate(prompts)]
    return PreferenceData({p.id: p for p in prompts}, {r.id: r for r in responses})


def test_where_nothing_more_is_said_it_is_the_hash_of_the_prompt() -> None:
    data = made(200)
    pool, held_out = split_by_prompt(data, 0.3)
    draw = uniforms(0, None, "split", list(data.prompts))
    assert list(held_out.prompts) == [i for i, u in zip(data.prompts, draw, strict=True) if u < 0.3]
    assert list(pool.prompts) == [i for i, u in zip(data.prompts, draw, strict=True) if u >= 0.3]


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(20, 120), size=st.integers(1, 4), share=st.sampled_from([0.1, 0.2, 0.5]), topics=st.integers(1, 6),
    seed=st.integers(0, 50),
)  # fmt: skip
def test_groups_stay_whole_and_every_stratum_has_its_share(n: int, size: int, share: float, topics: int, seed: int):
    data = made(n, topics)
    ids = list(data.prompts)
    near = {i: ids[k - k % size] for k, i in enumerate(ids)}
    try:
        pool, held_out = split_by_prompt(data, share, strata="topic", near=near, seed=seed)
    except DataError:
        assert n * share < 2 * size
        return
    assert pool.prompts.keys() | held_out.prompts.keys() == set(ids)
    assert not pool.prompts.keys() & held_out.prompts.keys()
    assert not {near[i] for i in pool.prompts} & {near[i] for i in held_out.prompts}
    groups, out = set(near.values()), {near[i] for i in held_out.prompts}
    assert abs(len(out) - share * len(groups)) <= 1
    short = -n % size  # what the one smaller group lacks: whether it goes out counts for so many prompts
    assert abs(len(held_out.prompts) - share * n) <= size + short
    if size == 1:
        of, given = Counter(stratum_of(data, "topic")), Counter(stratum_of(held_out, "topic"))
        assert all(abs(given[topic] - share * k) <= 1 for topic, k in of.items())


@pytest.mark.parametrize("strata", [None, "topic", "source"])
def test_the_order_of_the_file_changes_nothing_and_the_seed_does(strata) -> None:
    data = made(100, topics=4, sources=3)
    turned = PreferenceData(dict(reversed(data.prompts.items())), dict(reversed(data.responses.items())))
    kept = split_by_prompt(data, 0.3, strata=strata)[1].prompts.keys()
    assert kept == split_by_prompt(turned, 0.3, strata=strata)[1].prompts.keys()
    assert kept != split_by_prompt(data, 0.3, strata=strata, seed=1)[1].prompts.keys()


def test_every_group_has_the_same_chance_under_strata() -> None:
    """Systematic sampling with a shuffled row: over many seeds each prompt is held out in its share of them."""
    data = made(20, topics=3)
    taken: Counter[str] = Counter()
    for seed in range(400):
        taken.update(split_by_prompt(data, 0.25, strata="topic", seed=seed)[1].prompts.keys())
    assert set(taken) == set(data.prompts)
    assert all(60 <= k <= 145 for k in taken.values()), "100 of 400 expected, five standard deviations"


@pytest.mark.parametrize("seed", range(8))
def test_large_groups_and_small_ones_have_their_share_each(seed: int) -> None:
    data = made(360)
    ids = list(data.prompts)
    near = {i: ids[k // 9 * 9 + 1] if k % 9 else i for k, i in enumerate(ids)}  # one alone, then eight together
    held_out = split_by_prompt(data, 0.25, strata="topic", near=near, seed=seed)[1]
    assert abs(len(held_out.prompts) - 90) <= 8


def test_strata_are_topics_sources_or_languages() -> None:
    data = made(2, topics=2, sources=2)
    assert stratum_of(data, "topic") == ["topic 0", "topic 1"]
    assert stratum_of(data, "source") == ["model 0", "model 1"]
    german = Prompt.of((Message("user", "Wie wasche ich am besten einen Pullover aus Wolle, ohne dass er einläuft?"),))
    assert stratum_of(PreferenceData({german.id: german}), "language") == ["de"]


def test_a_side_without_a_prompt_is_refused() -> None:
    data = made(4)
    with pytest.raises(DataError, match="one side has none"):
        split_by_prompt(data, 0.5, near=dict.fromkeys(data.prompts, "one group"))


def test_a_study_splits_as_its_data_settings_say() -> None:
    data = made(60, topics=3)
    base = {"name": "x", "model": {"path": "m"}, "strategies": ["random"], "seeds": [1, 2, 3]}

    def told(**settings: object) -> tuple[str, set[str]]:
        config = StudyConfig.from_dict({**base, "data": {"pool": "p", "held_out_share": 0.3, **settings}})
        return split_words(config), set(split_as_told(data, config.data)[1].prompts)

    assert told() == ("", set(split_by_prompt(data, 0.3)[1].prompts)), "parts that were split before keep their ids"
    words, held_out = told(held_out_seed=3, held_out_strata="topic", near_duplicates_together=True)
    assert words == ", seed 3, by topic, near-duplicates together"
    near = near_prompts(data.prompts)
    assert not {near[i] for i in held_out} & {near[i] for i in data.prompts if i not in held_out}
