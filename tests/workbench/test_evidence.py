"""Who is compared with whom, paired differences, the luck band, and what a place on an axis is, against slow twins."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from scipy import stats

from engine.evidence import Arms, arms_of, config_hash, differences, weighed
from engine.store import queries
from engine.store import schema as s
from engine.store.outcomes import outcomes
from engine.store.spent import spent
from tests.workbench import worlds
from tests.workbench.test_charts import frame_of
from workbench.charts.across import Across, device_of
from workbench.charts.curves import curve_figure, value_axis
from workbench.charts.luck import luck_band, parted
from workbench.charts.strips import strip_figure

AGAIN = {"random": "random:again"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return worlds.finished(tmp_path_factory.mktemp("evidence") / "s", referee={"second_random": True})


@pytest.fixture(scope="module")
def detail(store):
    return queries.study(store, queries.studies(store)[0].id)


def with_second(seeds: int = 3) -> pd.DataFrame:
    return frame_of(seeds, strategies=("random", "activedpo", "random:again"))


def test_the_arms_are_those_of_the_config_that_have_runs(detail):
    arms = arms_of(detail)
    assert arms == Arms(dict.fromkeys(("activedpo", "apl", "real"), "random"), AGAIN, frozenset())
    gone = {**detail.config, "strategies": [*detail.config["strategies"], {"name": "no_longer_installed"}]}
    without = arms_of(type(detail)(detail.summary, detail.runs, gone, {}))
    assert without.twins == dict.fromkeys(("activedpo", "apl", "real"), "random")
    assert not without.again


@pytest.mark.parametrize("race", ["controlled", "as_published", "none"])
def test_where_a_plugin_is_gone_only_a_plain_race_has_a_twin(detail, race):
    """Who was whose twin can then be told from names alone: random's, if all ran in one setting; else nobody's."""
    named = ({"name": "random"}, {"name": "activedpo"}, {"name": "no_longer_installed"})
    config = {**detail.config, "race": race, "strategies": named}
    twins = arms_of(type(detail)(detail.summary, detail.runs, config, {})).twins
    assert twins == ({"activedpo": "random"} if race == "controlled" else {})


def test_where_a_papers_setting_is_another_today_the_twin_is_who_ran_in_the_same(detail):
    """Two arms of REAL shared a random arm that today's settings would not give both."""
    names = ("real", "real:per prompt True", "random:as real", "random")
    summary = replace(
        detail.summary, strategies=tuple(replace(detail.summary.strategies[0], name=name) for name in names)
    )
    strategies = ({"name": "real"}, {"name": "real", "per_prompt": True})
    config = {**detail.config, "race": "as_published", "strategies": strategies}
    old = {"setting": {"rounds": 1, "label_share": 0.5, "signals": []}}
    ran = {**dict.fromkeys(names[:2], old), "random:as real": {"setting": {"rounds": 1, "label_share": 0.5}}}
    twins = arms_of(type(detail)(summary, detail.runs, config, {}, ran)).twins
    assert twins == {"real": "random:as real", "real:per prompt True": "random:as real"}
    assert "real:per prompt True" not in arms_of(type(detail)(summary, detail.runs, config, {}, {})).twins


def test_controls_get_no_verdict_and_count_in_no_correction(tmp_path):
    store = worlds.finished(tmp_path / "s", strategies=("random", "activedpo", "apl"), controls=["shuffled"])
    found = weighed(store, queries.study(store, queries.studies(store)[0].id))
    assert found.arms.controls == {"activedpo:shuffled", "apl:shuffled"}
    assert set(found.found) == {"activedpo", "apl"}
    assert found.found["apl"].verdict.level == pytest.approx(1 - 0.05 / 2)
    assert set(found.paired["strategy"]) == {*found.found, *found.arms.controls}, "their differences can be looked at"
    assert set(found.arms.without_controls(found.paired)["strategy"]) == set(found.found)


def test_a_paired_difference_is_the_mean_over_seeds_and_pairs_worked_one_by_one(store, detail):
    kept = outcomes(store, detail.summary.id, "pool_like")
    assert kept is not None
    rounds, ends = differences(kept, {"apl": "random"})
    for row in rounds.itertuples():
        apart = [
            kept.values["apl"][seed][row.round][n] - kept.values["random"][seed][row.round][n]
            for seed in (1, 2, 3) for n in range(worlds.MEASURED)
        ]  # fmt: skip
        assert row.mean == pytest.approx(sum(apart) / len(apart))
        assert row.low <= row.mean <= row.high
        assert row.labels == worlds.BATCH * row.round
    for row in ends.itertuples():
        own = kept.values["apl"][row.seed][-1].mean() - kept.values["random"][row.seed][-1].mean()
        assert row.value == pytest.approx(own)
    nobody, none = differences(kept, {"apl": "nobody"})
    assert nobody.empty
    assert none.empty


def test_the_config_has_the_hash_that_was_declared(store, detail):
    with store.read() as connection:
        saved = connection.execute(sa.select(s.studies.c.config_sha256)).scalar_one()
    assert config_hash(detail) == saved


def test_the_luck_band_is_randoms_mean_and_its_distance_from_the_second_arm_raw():
    frame = with_second()
    band = luck_band(frame, AGAIN)
    assert list(band["round"]) == [0, 1, 2, 3]
    for row in band.itertuples():
        at = frame[frame["round"] == row.round]
        one = [v.value for v in at.itertuples() if v.strategy == "random"]
        two = [v.value for v in at.itertuples() if v.strategy == "random:again"]
        reach = abs(sum(two) / 3 - sum(one) / 3)
        assert (row.low, row.high) == pytest.approx((sum(one) / 3 - reach, sum(one) / 3 + reach))
    assert luck_band(frame, {}).empty
    assert luck_band(frame_of(3), AGAIN).empty, "the second arm has no round yet"


def test_while_seeds_differ_the_distance_is_that_of_the_seeds_that_both_have():
    frame = with_second()
    frame = frame[~((frame["strategy"] == "random:again") & (frame["seed"] != 2))]
    band = luck_band(frame, AGAIN)
    assert set(band["seeds"]) == {1}
    at = frame["seed"] == 2
    one, two = (frame[at & (frame["strategy"] == key)]["value"].to_numpy() for key in ("random", "random:again"))
    assert (band["high"] - band["mean"]).to_numpy() == pytest.approx(np.abs(two - one))


@pytest.mark.parametrize("seeds", [True, False])
def test_the_second_arm_is_no_curve_and_its_traces_come_with_every_seed(seeds):
    frame = with_second()
    figure = curve_figure(frame, y_title="y", mode="light", seeds=seeds, again=AGAIN)
    names = [trace.name for trace in figure.data]
    assert names.count("luck band of random") == 1
    assert "RANDOM:AGAIN" not in names
    assert sum(name.startswith("RANDOM:AGAIN, seed") for name in names) == (3 if seeds else 0)
    assert [a.text[:9] for a in figure.layout.annotations] == ["<b>RANDOM", "<b>ACTIVE"]
    band = next(trace for trace in figure.data if trace.name == "luck band of random")
    low, high = figure.layout.yaxis.range
    assert low <= min(band.y)
    assert max(band.y) <= high
    one = strip_figure(frame[frame["round"] == 3], y_title="y", mode="light", again=AGAIN)
    assert list(one.layout.xaxis.ticktext) == ["RANDOM", "ACTIVEDPO"]
    assert len(one.layout.shapes) == 1


def test_a_study_without_a_second_arm_is_drawn_as_before():
    frame = frame_of(3)
    assert parted(frame, {})[1].empty
    plain = curve_figure(frame, y_title="y", mode="light")
    assert not [trace for trace in plain.data if "luck" in trace.name]
    assert value_axis(frame) == value_axis(frame, again=AGAIN)


def test_with_many_lines_bands_are_for_the_focus_and_random_only():
    frame = frame_of(3, strategies=("random", "a", "b", "c", "d", "e"))
    bands = [t.name for t in curve_figure(frame, y_title="y", mode="light", focus="c").data if t.fill == "toself"]
    assert sorted(bands) == ["C, 95 % band", "RANDOM, 95 % band"]


def test_what_was_spent_is_the_sum_of_all_stages_up_to_the_round(store, detail):
    found = spent(store, detail.summary.id)
    assert len(found) == len(detail.runs) * 3, "a row a run and round, round 0 included"
    for run in detail.runs[:3]:
        log = queries.stage_log(store, run.id)
        for row in found[found["run_id"] == run.id].itertuples():
            so_far = sum(stage.seconds for stage in log.itertuples() if stage.round <= row.round)
            assert row.seconds == pytest.approx(so_far)


def test_a_round_in_hand_has_not_been_spent_on_yet(tmp_path):
    store = worlds.running(tmp_path / "s", done=0)
    found = spent(store, queries.studies(store)[0].id)
    assert list(found["round"]) == [0, 1], "the second round waits for its evaluation"


def test_a_place_on_the_axis_is_labels_seconds_or_both_at_the_readers_prices(store, detail):
    frame, seconds = queries.curve(store, detail.summary.id, "accuracy", "pool_like"), spent(store, detail.summary.id)
    by_run = {(row.run_id, row.round): row.seconds for row in seconds.itertuples()}
    along = {kind: Across(kind, "GPU", 0.5, 1800.0).along(frame, seconds) for kind in ("labels", "seconds", "cost")}
    for kind, placed in along.items():
        assert len(placed) == len(frame)
        for row in placed.itertuples():
            own = by_run[row.run_id, row.round]
            right = {"labels": row.labels, "seconds": own, "cost": 0.5 * row.labels + 0.5 * own}
            assert row.x == pytest.approx(right[kind])
    assert Across("cost", "GPU", 0.5, 1800.0).title == "units of cost per run (a label 0.5, a GPU hour 1800)"
    assert Across("seconds", "GPU").said(12.0) == "12 GPU-seconds"
    assert Across("seconds").said(1234.0) == "1,234 device seconds"
    left_out = Across("seconds").along(frame, seconds[seconds["round"] > 0])
    assert set(left_out["round"]) == {1, 2}, "seconds that nobody wrote down are not taken for none"


def test_a_figure_along_seconds_has_its_own_ticks_and_words(store, detail):
    frame, seconds = queries.curve(store, detail.summary.id, "accuracy", "pool_like"), spent(store, detail.summary.id)
    across = Across("seconds")
    figure = curve_figure(across.along(frame, seconds), y_title="y", mode="light", across=across, again=AGAIN)
    assert figure.layout.xaxis.title.text.startswith("device seconds per run")
    assert figure.layout.xaxis.tickvals is None
    assert "device seconds" in figure.data[-1].hovertext[0]


def test_the_device_is_a_gpu_only_where_every_run_had_one():
    devices = [["cuda", "cuda:1"], ["cuda", "cpu"], ["cpu"], [None]]
    assert [device_of(pd.DataFrame({"device": d})) for d in devices] == ["GPU", "device", "device", "device"]


def test_an_interval_of_a_mean_along_seconds_is_that_of_its_values():
    frame = frame_of(3).assign(x=lambda f: f["labels"] * 2.0)
    figure = curve_figure(frame, y_title="y", mode="light", across=Across("seconds"), seeds=False)
    mean = figure.data[-1]
    assert list(mean.x) == [0, 120, 240, 360]
    values = frame[(frame["strategy"] == "activedpo") & (frame["round"] == 3)]["value"]
    half = stats.t.ppf(0.975, 2) * values.std() / 3**0.5
    band = next(t for t in figure.data if t.name == "ACTIVEDPO, 95 % band")
    assert max(band.y[3], band.y[4]) - min(band.y[3], band.y[4]) == pytest.approx(2 * half)
