"""The code that draws a page of the app again in a notebook, as cells; it imports what the pages themselves draw with.

Each function takes a view and gives cells; what it puts into code is Python by `repr`, so no name or text of a study
can become code. Foreign text goes through `Table`, `Pairs` or `print`, never through markdown.
"""

from engine.store.summaries import SCORE
from workbench.views import OnMap, View

CODE, WORDS = "code", "markdown"
Cell = tuple[str, str]


def of_study(view: View) -> list[Cell]:
    """Its runs, how far each strategy came, the verdicts, its file."""
    return [
        (CODE, "study.runs()"),
        (CODE, "study.levels()"),
        (CODE, "study.verdicts()"),
        (WORDS, "Its file, as it was started:"),
        (CODE, "study.config"),
    ]


def of_curves(view: View) -> list[Cell]:
    """The learning curves of one figure, on every held-out set, and the verdicts."""
    across = view.across
    draw = f"""from engine.evidence import arms_of
from engine.store.spent import spent
from workbench.charts.across import Across
from workbench.charts.curves import value_axis
from workbench.charts.metrics import words_of
from workbench.charts.strips import figure_of

metric = {view.figure!r}
across = Across({across.kind!r}, {across.device!r}, {across.label_price!r}, {across.hour_price!r})
arms, took = arms_of(study.detail), spent(study.store, study.id)
curves = arms.without_controls(study.curves(metric))
sets = {{name: across.along(part, took) for name, part in curves.groupby("held_out", sort=False)}}
drawn = {{"seeds": {view.every_seed!r}, "again": arms.again}}
axis = value_axis(*sets.values(), **drawn)
unit = next(ref.unit for ref in study.metrics() if ref.name == metric)
for name, part in sets.items():
    print(name or "all prompts")
    display(
        figure_of(
            part, y_title=f"{{words_of(metric).title}} ({{unit}})", mode="light", axis=axis, across=across,
            focus={view.strategy!r}, **drawn,
        )
    )"""
    return [
        (WORDS, "The learning curves, as the page Curves draws them: the mean over seeds with its 95 % band."),
        (CODE, draw),
        (WORDS, "The numbers behind them, and the verdicts."),
        (CODE, f"study.levels({view.figure!r})"),
        (CODE, "study.verdicts()"),
    ]


def of_explore(view: View) -> list[Cell]:
    """The distribution of the round, or of all rounds; every candidate; the batch."""
    one = f"""from engine.store import queries
from engine.store.browse import answered as answered_before, round_scores
from engine.store.round_table import ordered, values_of
from workbench.charts.ridges import ridges_figure
from workbench.charts.scores import Panel, ecdf_figure, histogram_figure, known


def panel_of(run_id, number, title={view.quantity!r}):
    found = round_scores(study.store, run_id, number)
    asked = [one for one in found.quantities if one.title == title] or list(found.quantities) if found else []
    values = ordered(found.table, asked[0].key) if asked else []
    if not len(values):
        return None
    key, before = asked[0].key, answered_before(study.store, study.id, {view.seed!r}, number)
    picked = values_of(found.table, key, found.picks).reindex(found.picks).to_numpy(dtype=float)
    answered = known(values_of(found.table, key, sorted(before)).to_numpy(dtype=float))
    touched = sorted({{*found.by_hand, *found.out}})
    by_hand = values_of(found.table, key, touched).dropna().to_dict() if touched else {{}}
    return Panel(found, asked[0], values, picked, answered, by_hand)

"""
    of_round = "ecdf_figure(panels, mode='light')" if view.shares else (
        f"histogram_figure(panels, mode='light', log={view.log!r})"
    )  # fmt: skip
    draw = f"""
panels = [panel for run_id in {[view.run_id, *view.beside]!r} if (panel := panel_of(run_id, {view.round!r}))]
if panels:
    display({of_round})
else:
    print("No candidate of this round has a score or a signal.")"""
    if view.by_round:
        draw = f"""
rounds = {{n: panel for n in queries.rounds(study.store, {view.run_id!r}) if (panel := panel_of({view.run_id!r}, n))}}
if {view.round!r} in rounds:
    height = max(280, 66 * len(rounds))
    display(ridges_figure(rounds, {view.round!r}, mode="light", height=height, with_ticks=True))
else:
    print("No candidate of this round has a score or a signal.")"""
    return [
        (WORDS, "How the candidates of the round lie, those answered before and those picked."),
        (CODE, one + draw),
        (WORDS, "Every candidate with its score and the signals that were kept."),
        (CODE, f"study.scores({view.strategy!r}, {view.round!r}, seed={view.seed!r})"),
        *of_batch(view),
    ]


def of_batch(view: View) -> list[Cell]:
    """The picks of the round, the one that was looked at first."""
    cells = [(CODE, f"picks = study.picks({view.strategy!r}, {view.round!r}, seed={view.seed!r})\npicks")]
    if view.pair:
        one = f"next((pair for pair in picks if pair.pair_id == {view.pair!r}), picks[0])"
        cells = [(CODE, f"{cells[0][1].removesuffix('picks')}{one}"), (CODE, "picks")]
    return [(WORDS, "The batch, side by side, best first."), *cells, (CODE, "picks.frame")]


def of_map(view: View) -> list[Cell]:
    """The map with its marks, its clusters, and the pairs that are chosen on it."""
    on = view.on_map or OnMap()
    of_round = {"run_id": view.run_id, "round": view.round} if on.of_round else {}
    fields = {"study_id": view.study_id, "vectors": on.vectors, **of_round, "method": on.method}
    own = "pairs" if on.what == "pairs" else "responses"
    saved = f"projected.selection(study.store, study.id, {on.selection!r})" if on.selection else "()"
    draw = f"""import numpy as np
from engine.api.pairs import Pairs, ShownPair
from engine.api.table import table
from engine.store import projected
from engine.store.browse import pair_texts, round_scores
from engine.tasks.base import asked
from engine.tasks.projection import Projection
from workbench.charts.plane import plane_figure
from workbench.components.map_marks import marked
from workbench.components.map_scene import choice_of, ground_of, hands_of, scene_of

task = Projection.model_validate({fields!r})
kept = asked(study.store, task)
answer = kept.answer if kept is not None else None
if answer is None or not task.still_holds(study.store, answer):
    answer = task.do(study.store, print)  # the store has no such map: it is made here
pairs, responses = (projected.read_points(study.store, answer["files"][name]) for name in ("pairs", "responses"))
ground = ground_of({on.what!r}, pairs, responses, answer["clusters"])
strategies = [one for one in study.detail.summary.strategies if one.name in {on.strategies!r}]
marks = marked(
    pairs, projected.marks(study.store, study.id, {view.seed or 0!r}), strategies, {view.run_id!r}, {view.round or 0!r}
)
found = round_scores(study.store, {view.run_id!r}, {view.round or 0!r})
quantity = found.quantity({on.colour!r}) if found else None
valued = quantity or (found.quantity({SCORE!r}) if found else None)
choice = choice_of(ground, {saved}, {{}}, {on.within!r})
scene = scene_of(
    ground,
    marks,
    values=pairs.aligned(found.table, valued.key) if valued else None,
    unit=f"{{quantity.title}} ({{quantity.unit or 'no unit'}})" if quantity else "",
    saved=choice.saved,
    lit=choice_of(ground, (), {{}}, {on.within!r}).pairs,
    hands=hands_of(found),
)
explained = answer["explained"] and answer["explained"][ground.own]
plane_figure(scene, colour={on.colour!r}, strategies=strategies, explained=explained, mode="light")"""
    clusters = f"""named = answer["clusters"][{own!r}]
table(
    {{"words": [", ".join(one["words"]) for one in named], "n": [one["n"] for one in named]}},
    {{"words": "what a cluster says more often than the others", "n": "points in it"}},
)"""
    cells = [
        (WORDS, "The pool in the plane, as the page Map draws it. Near means alike; the axes have no meaning."),
        (CODE, draw),
        (WORDS, "Its clusters, named by their words."),
        (CODE, clusters),
    ]
    if on.selection or on.within:
        cells += [(WORDS, "The pairs that are chosen on it."), (CODE, _pairs_of("choice.title", _CHOSEN))]
    if view.pair:
        cells += [(WORDS, "The pair that was read."), (CODE, _pairs_of("''", f"[{view.pair!r}]"))]
    return cells


_CHOSEN = "pairs.names(np.flatnonzero(choice.pairs)) if choice.pairs is not None else []"


def _pairs_of(title: str, ids: str) -> str:
    return f"""texts = pair_texts(study.store, {ids})
Pairs(
    {title},
    [ShownPair(one.pair_id, one.messages, one.response_a, one.response_b) for one in texts],
)"""
