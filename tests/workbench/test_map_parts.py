"""The map's marks, lasso, sample and figures on plain data."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.seeds import rng_for
from engine.store.projected import Points
from engine.store.summaries import StrategyRef
from workbench.charts.dissimilarity import axis_of, dissimilarity_figure, unlike
from workbench.charts.plane import plane_figure
from workbench.charts.scene import LABELLED, PICKED, POOL, Marks
from workbench.components.map_controls import COLOURS, POINTS
from workbench.components.map_facts import ids_of
from workbench.components.map_marks import chosen_points, first_rows, foremost, marked, sample, shapes_of, within
from workbench.components.map_scene import Ground, choice_of, ground_of, scene_of
from workbench.components.map_unlike import pick_ticks, range_words, read_range

A, B = StrategyRef("activedpo", "ActiveDPO", 1), StrategyRef("apl", "APL", 2)
HOSTILE = ("<b>bold</b>", "&lt;img", "مرحبا")
CLUSTERS = {
    "pairs": [{"words": list(HOSTILE), "n": 4, "x": 0.0, "y": 0.0}, {"words": [], "n": 2, "x": 1.0, "y": 0.0}],
    "responses": [{"words": ["wool"], "n": 7, "x": 0.5, "y": 0.5}],
}


def points(n: int = 6) -> Points:
    row = np.arange(n)
    columns = {
        "x": np.array([0, 1, 2, 0, 1, 2], np.float32)[:n],
        "y": np.array([0, 0, 0, 1, 1, 1], np.float32)[:n],
        "row_a": row.astype(np.int32),
        "row_b": (row + 1).astype(np.int32),
        "dissimilarity": np.linspace(0, 1, 6, dtype=np.float32)[:n],
        "cluster": (row % 2).astype(np.int16),
        "topic": np.zeros(n, np.int16),
    }
    return Points(np.array([f"p{k}".encode() for k in row], dtype="S2"), columns)


def responses() -> Points:
    place = np.arange(7, dtype=np.float32)
    return Points(
        np.array([f"r{n}".encode() for n in range(7)]), {"x": place, "y": place**2, "cluster": np.zeros(7, np.int16)}
    )


MARKS = pd.DataFrame(
    [
        ("activedpo", "run", 1, 1, "p0", "a"),
        ("activedpo", "run", 2, 1, "p1", "b"),
        ("activedpo", "run", 3, 1, "p2", "a"),
        ("apl", "other", 2, 1, "p1", "b"),
        ("apl", "other", 1, 1, "p3", "tie"),
        ("apl", "other", 2, 2, "p4", None),
        ("apl", "other", 2, 3, "gone", None),
    ],
    columns=["strategy", "run_id", "round", "rank", "pair_id", "answer"],
)
SCORE = np.array([np.nan, 0.5, np.nan, np.nan, np.nan, 0.1], dtype=np.float32)


def marks(*strategies: StrategyRef) -> Marks:
    return marked(points(), MARKS, strategies or (A, B), "run", 2)


def test_marks_by_hand() -> None:
    found = marks()
    assert found.state.tolist() == [LABELLED, PICKED, POOL, POOL, PICKED, POOL]
    assert found.by.tolist() == [-1, 0, -1, -1, 1, -1]
    assert found.ever_by.tolist() == [0, 0, -1, 1, 1, -1]
    assert found.picked_in.tolist() == [1, 2, 0, 0, 0, 0]
    assert found.answer.tolist() == [1, 2, 0, 0, 0, 0]
    assert found.must.tolist() == [True, True, False, True, True, False]
    assert marks(B).by.tolist() == [-1, 0, -1, -1, 0, -1]
    assert set(marked(points(), MARKS[:0], (A,), "", 0).state) == {POOL}


def test_a_response_bears_the_mark_of_its_foremost_pair() -> None:
    rows = foremost(points(), marks(), SCORE, 8)
    assert rows.tolist() == [0, 1, 1, 2, 4, 4, 5, -1], "r3 is in p2 and p3, two of the pool: the first"
    of_responses = marks().at(rows)
    assert of_responses.state.tolist() == [LABELLED, PICKED, PICKED, POOL, PICKED, PICKED, POOL, POOL]
    assert of_responses.by[-1] == -1


def test_the_foremost_pair_is_that_of_a_plain_loop() -> None:
    rng = rng_for(0, None, "foremost")
    n, of = 60, 25
    rows = [rng.integers(0, of, n).astype(np.int32) for _ in range(2)]
    pairs = Points(np.arange(n).astype("S"), {"row_a": rows[0], "row_b": rows[1]})
    some = Marks(*(rng.integers(0, 3, n).astype(np.int16) for _ in range(5)))
    values = rng.integers(0, 4, n).astype(np.float32)
    values[::7] = np.nan
    order = sorted(
        range(n), key=lambda k: (some.state[k], some.picked_in[k], np.nan_to_num(values[k], nan=-np.inf), -k)
    )
    twin = [next((k for k in reversed(order) if r in (rows[0][k], rows[1][k])), -1) for r in range(of)]
    assert foremost(pairs, some, values, of).tolist() == twin


def test_picked_and_labelled_are_always_drawn_and_every_cluster_has_its_share() -> None:
    must = np.zeros(1000, dtype=bool)
    must[[3, 500, 999]] = True
    cluster = np.where(np.arange(1000) < 900, 0, 1)
    cluster[950:960] = 2  # ten points, less than the floor
    rows = sample(cluster, must, 203)
    assert set(np.flatnonzero(must)) <= set(rows.tolist())
    assert np.bincount(cluster[rows]).tolist() == [200 * 898 // 997 + 2, 20 + 1, 10]
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert np.array_equal(sample(cluster, must, 203), rows), "the same every time"
    assert sample(cluster, must, 2).tolist() == [3, 500, 999], "what must be drawn is drawn, whatever the limit"
    assert len(sample(cluster, must, 1000)) == 1000


def slow_within(x: float, y: float, corner_x: list[float], corner_y: list[float]) -> bool:
    inside = False
    for n in range(len(corner_x)):
        x1, y1, x2, y2 = corner_x[n - 1], corner_y[n - 1], corner_x[n], corner_y[n]
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


@pytest.mark.parametrize("seed", range(5))
def test_the_lasso_holds_what_a_ray_from_each_point_says(seed: int) -> None:
    """Also a lasso that crosses itself; corners at round numbers, so that points lie at their heights."""
    rng = rng_for(seed, None, "lasso")
    corner_x, corner_y = (rng.integers(0, 9, 12).astype(float).tolist() for _ in range(2))
    x, y = (rng.integers(-2, 40, 400).astype(np.float32) / 4 for _ in range(2))
    twin = [slow_within(float(a), float(b), corner_x, corner_y) for a, b in zip(x, y, strict=True)]
    assert 0 < sum(twin) < 400
    assert within(x, y, corner_x, corner_y).tolist() == twin
    assert not within(x, y, corner_x[:2], corner_y[:2]).any()
    assert within(x[:0], y[:0], corner_x, corner_y).tolist() == []


def test_a_lasso_a_box_and_a_click() -> None:
    x, y = points()["x"], points()["y"]
    lasso = shapes_of({"lasso": [{"x": [-0.5, 2.5, -0.5], "y": [-0.5, -0.4, 2], "xref": "x"}], "box": [], "points": []})
    assert lasso == {"lasso": [{"x": [-0.5, 2.5, -0.5], "y": [-0.5, -0.4, 2.0]}]}
    assert np.flatnonzero(chosen_points(x, y, lasso)).tolist() == [0, 1, 3]
    box = shapes_of({"box": [{"x": [2.5, 0.5], "y": [0.5, 1.5]}], "points": [{"customdata": 0}]})
    assert np.flatnonzero(chosen_points(x, y, box)).tolist() == [4, 5]
    click = shapes_of({"points": [{"customdata": [2]}, {"customdata": 5}, {"customdata": "p1"}, {}]})
    assert click == {"rows": [2, 5]}
    assert np.flatnonzero(chosen_points(x, y, {"rows": [2, 5, -1, 99]})).tolist() == [2, 5]
    assert shapes_of({}) == {}


def test_what_is_chosen_is_the_lasso_before_the_saved_pairs_and_of_both_the_range() -> None:
    ground = ground_of("pairs", points(), responses(), CLUSTERS)
    box = {"box": [{"x": [-1, 1.5], "y": [-1, 2]}]}
    everything = choice_of(ground, (), {}, None)
    assert (everything.pairs, everything.drawn, everything.title) == (None, False, "The whole pool")
    assert ids_of(ground, choice_of(ground, ("p5", "gone"), {}, None)) == ["p5"]
    assert ids_of(ground, choice_of(ground, ("p5",), box, None)) == ["p0", "p1", "p3", "p4"]
    both = choice_of(ground, ("p5",), box, (0.5, 0.7))
    assert (ids_of(ground, both), both.title, both.drawn) == (["p3"], "Chosen on the map, 0.50 to 0.70", True)
    assert ids_of(ground, choice_of(ground, (), {}, (0.9, 2.0))) == ["p5"]


def test_a_lasso_around_responses_holds_their_pairs_and_one_around_the_middle_its_segment() -> None:
    of_responses = ground_of("responses", points(), responses(), CLUSTERS)
    one = {"box": [{"x": [0.5, 1.5], "y": [0.5, 1.5]}]}  # response r1
    assert ids_of(of_responses, choice_of(of_responses, (), one, None)) == ["p0", "p1"]
    assert np.flatnonzero(of_responses.of_pairs(points().has(["p1"]))).tolist() == [1, 2]
    segments = ground_of("segments", points(), responses(), CLUSTERS)
    assert segments.turned, "the responses reach to (6, 36), and lie along the wider side of the page"
    assert (segments.y[0], segments.x[1]) == (0.5, 2.5)
    middle = {"box": [{"x": [2, 3], "y": [1, 2]}]}  # between r1 (1, 1) and r2 (2, 4)
    assert ids_of(segments, choice_of(segments, (), middle, None)) == ["p1"]
    figure = plane_figure(scene_of(segments, marks()), colour="state", strategies=(A, B), explained=(0, 0), mode="dark")
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert sum(np.isnan(trace.x).sum() for trace in lines) == 6, "a gap after every segment"
    assert lines[0].y[:2].tolist() == [2.0, 3.0], "the first of the pool is p2, from r2 to r3"


def test_a_plane_lies_along_the_page_and_the_figure_is_as_high_as_its_points():
    flat, steep = (ground_of(what, points(), responses(), CLUSTERS) for what in ("pairs", "responses"))
    assert (flat.turned, steep.turned) == (False, True)
    assert np.ptp(steep.x) == 36

    def high(ground: Ground) -> int:
        scene = scene_of(ground, marks())
        return plane_figure(scene, colour="state", strategies=(A, B), explained=(0, 0), mode="light").layout.height

    square = replace(flat, y=flat.x)
    assert high(steep) == high(flat) < high(replace(flat, y=0.6 * flat.x)) < high(square) == 600


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("what", POINTS)
@pytest.mark.parametrize("colour", COLOURS)
def test_the_figures_draw_every_point_once_and_name_their_axes(mode, what, colour):
    ground = ground_of(what, points(), responses(), CLUSTERS)
    scene = scene_of(ground, marks(), values=SCORE, unit="score (no unit)")
    figure = plane_figure(scene, colour=colour, strategies=(A, B), explained=(0.25, 0.1), mode=mode)
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    assert sorted(row for trace in dots for row in trace.customdata) == list(range(len(ground.points)))
    assert all(trace.type == "scattergl" and trace.customdata.dtype == np.int32 for trace in dots)
    first, second = ("yaxis", "xaxis") if ground.turned else ("xaxis", "yaxis")
    assert figure.layout[first].title.text == "first direction, 25.0 % of the spread (no unit)"
    curved = plane_figure(scene, colour=colour, strategies=(A, B), explained=None, mode=mode)
    assert curved.layout[second].title.text == "second direction, of UMAP (no unit)"


def test_what_is_saved_is_ringed_what_is_chosen_is_lit_and_a_lasso_is_drawn_again():
    ground = ground_of("pairs", points(), responses(), CLUSTERS)
    lasso = {"lasso": [{"x": [0, 1, 0], "y": [0, 0, 1]}], "box": [{"x": [0, 1], "y": [0, 1]}]}
    scene = scene_of(ground, marks(), saved=points().has(["p3"]), lit=points().has(["p5"]), outline=lasso, limit=1)
    assert scene.rows.tolist() == [0, 1, 3, 4], "what must be, and the saved one"
    scene = scene_of(ground, marks(), saved=points().has(["p3"]), lit=points().has(["p5"]), outline=lasso)
    figure = plane_figure(scene, colour="state", strategies=(A, B), explained=(0, 0), mode="light")
    assert figure.data[-1].name == "in the saved selection 1"
    lit = {trace.customdata[n] for trace in figure.data[:-1] for n in trace.selectedpoints}
    assert lit == {5}
    assert [shape.type for shape in figure.layout.shapes] == ["path", "rect"]
    assert figure.layout.shapes[0].path == "M0,0 L1,0 L0,1 Z"


def test_words_of_clusters_and_titles_are_text_on_the_figure():
    evil = StrategyRef("evil", "<a href='x'>evil</a>", 3)
    ground = ground_of("pairs", points(), responses(), CLUSTERS)
    theirs = marked(points(), MARKS.assign(strategy="evil"), (evil,), "run", 2)
    figure = plane_figure(scene_of(ground, theirs), colour="state", strategies=(evil,), explained=(0, 0), mode="light")
    assert [note.text for note in figure.layout.annotations] == [
        "\u2068&lt;b&gt;bold&lt;/b&gt;\u2069, \u2068&amp;lt;img\u2069, \u2068مرحبا\u2069"
    ], "a cluster without words has no name"
    spoken = [text for trace in figure.data for text in trace.hovertext or ()]
    assert sum("cluster \u2068&lt;b&gt;bold" in text for text in spoken) == 3, "every second one, named or not"
    assert not [text for trace in figure.data for text in (trace.name, *(trace.hovertext or ())) if "<a" in text]


def test_a_large_figure_says_nothing_point_by_point_and_stays_small():
    n = 50_000
    rng = rng_for(0, None, "large")
    x = rng.normal(size=(2, n)).astype(np.float32)
    large = Points(np.arange(n).astype("S5"), {"x": x[0], "y": x[1], "cluster": np.zeros(n, np.int16)})
    found = marked(large, MARKS, (A,), "run", 2)
    scene = scene_of(ground_of("pairs", large, responses(), CLUSTERS), found, values=x[0], unit="score", limit=n)
    for colour in COLOURS:
        figure = plane_figure(scene, colour=colour, strategies=(A,), explained=(0, 0), mode="light")
        assert len(figure.to_json(validate=False)) < 2_500_000


def test_the_histogram_counts_all_those_chosen_and_ticks_the_picks():
    values = np.array([0.0, 0.1, 0.1, 0.9, np.nan], dtype=np.float32)
    found = unlike(values, np.array([True, True, False, False, True]))
    assert (found.counts.sum(), found.chosen.sum(), len(found.edges)) == (4, 2, len(found.counts) + 1)
    assert unlike(values).chosen is None
    figure = dissimilarity_figure(found, mode="light", brushed=(0.2, 0.4))
    assert [trace.name for trace in figure.data] == ["pool", "chosen"]
    ticks = pick_ticks(found, [(replace(A, title="<b>A</b>"), np.array([0, 0.25, np.nan])), (B, values[:0])])
    assert re.findall(r'class="slot-1" style="left:([\d.]+)%"', ticks) == ["0.00", f"{25 / axis_of(found).high:.2f}"]
    assert "2 picks of &lt;b&gt;A&lt;/b&gt;" in ticks
    assert "0 picks of APL" in ticks
    assert "no unit" in figure.layout.xaxis.title.text
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0.2, 0.4)
    nothing = dissimilarity_figure(unlike(values[:0]), mode="dark")
    assert nothing.data[0].y.sum() == 0
    assert unlike(np.zeros(6, np.float32)).counts.sum() == 6


def test_a_range_in_words_and_back():
    assert range_words({"box": [{"x": [0.75, 0.25], "y": [0, 9]}]}) == "0.250 to 0.750"
    assert range_words({"box": [{"x": [-0.1, 0.25]}]}) == "0.000 to 0.250"
    assert range_words({"points": []}) == ""
    assert read_range(" 0.250 to 0.750 ") == (0.25, 0.75)
    assert read_range("0.8 to 0.4") == (0.4, 0.8)
    assert [read_range(text) for text in ("", "0.4", "a to b", "0.1 to 1e999")] == [None] * 4


def test_the_rows_of_the_table_are_picked_ones_first_then_by_score():
    assert first_rows(None, marks(), SCORE, 10).tolist() == [1, 4, 0, 5, 2, 3]
    assert first_rows(points().has(["p5", "p3", "p0"]), marks(), SCORE, 2).tolist() == [0, 5]
    assert first_rows(None, marks(), SCORE, 4).tolist() == [1, 4, 0, 5]


def test_a_pool_without_pairs_can_be_drawn():
    none = points(0)
    for what in POINTS:
        ground = ground_of(what, none, responses(), {"pairs": [], "responses": []})
        found = marked(none, MARKS, (A,), "run", 2)
        scene = scene_of(ground, found, values=SCORE[:0])
        plane_figure(scene, colour="score", strategies=(A,), explained=(0, 0), mode="light")
