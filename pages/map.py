"""Map: the pool in the plane, what was picked there, and how unlike the two responses of each pair are."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from engine.store.summaries import SCORE, RoundScores
from engine.tasks.projection import Projection
from workbench import browsing, cache, chosen_pair, keeping, mapping, not_yet, reviewing, session
from workbench.charts.plane import plane_figure
from workbench.charts.scene import Marks
from workbench.components import map_controls, map_facts, map_unlike, time_machine
from workbench.components.map_controls import Chosen
from workbench.components.map_marks import first_rows, marked
from workbench.components.map_scene import Choice, Ground, choice_of, ground_of, hands_of, scene_of
from workbench.components.markup import no_study, page_head
from workbench.session import Looking

SENTENCE = "The pool in the plane. Near means alike; the axes themselves have no meaning."


def page() -> None:
    """Controls, then the map or what it waits for."""
    looking = session.looking()
    if looking.study is None:
        page_head("Map", SENTENCE)
        no_study("Start one on the page Studies; its pool can then be drawn here.")
        return
    run, number = looking.run, looking.round
    where = [looking.study.name] + ([f"{run.strategy.title}, seed {run.seed}"] if run else [])
    page_head("Map", SENTENCE, [" · ".join(where + ([f"round {number}"] if number else []))])
    anew = map_controls.draws_anew(cache.study(looking.study.id).config)
    if anew and number is None:
        why = "Each round of this study draws its own; the first is that of round 1."
        not_yet.see_studies(looking.study.id, "No round has a pool yet.", why)
        return
    found = browsing.round_scores(looking.study.id, run.id, number) if run and number else None
    reviewing.standing(looking)
    chosen = map_controls.controls(looking.study.strategies, looking.strategy, found.quantities if found else (),
                                   rounds=number is not None)  # fmt: skip
    of_round = {"run_id": run.id, "round": number} if run and number and (anew or chosen.vectors == "policy") else {}
    task = Projection.model_validate({"study_id": looking.study.id, "vectors": chosen.vectors, **of_round})
    if (answer := mapping.answer(task, chosen.method, map_controls.EFFORT[task.vectors])) is not None:
        draw(looking, looking.study.id, chosen, answer, found)


def draw(looking: Looking, study: str, chosen: Chosen, answer: Mapping[str, Any], found: RoundScores | None) -> None:
    """The map at the left; what is chosen on it at the right, and how unlike the responses are; below, one pair."""
    reviewing.say()
    run, number, files = looking.run, looking.round or 0, answer["files"]
    pairs, responses = (mapping.points(files[name]) for name in ("pairs", "responses"))
    picks = mapping.marks(study, run.seed if run else 0)
    marks = marked(pairs, picks, chosen.strategies, run.id if run else "", number)
    ground = ground_of(chosen.what, pairs, responses, answer["clusters"])
    within = map_unlike.read_range(session.text_of("unlike"))
    lasso = mapping.lasso((study, chosen.what, files["pairs"]["sha256"]),
                          (run and run.id, number, chosen, within, session.mode()))  # fmt: skip
    choice = choice_of(ground, mapping.selection(study, chosen.sel), lasso.now, within)
    quantity = found.quantity(chosen.colour) if found else None
    left, right = st.columns([64, 36], gap="medium")
    with left:
        scene = scene_of(
            ground, marks, values=mapping.values(files["pairs"], found, chosen.colour if quantity else SCORE),
            unit=map_facts.unit_of(quantity), saved=choice.saved,
            lit=choice_of(ground, (), lasso.drawn, within).pairs, outline=lasso.drawn, hands=hands_of(found),
        )  # fmt: skip
        shares = answer["explained"] and answer["explained"][ground.own]
        figure = plane_figure(scene, colour=chosen.colour, strategies=chosen.strategies, explained=shares,
                              mode=session.mode())  # fmt: skip
        st.plotly_chart(figure, theme=None, key=lasso.key, on_select=partial(mapping.draw_lasso, lasso.key),
                        config={"displaylogo": False}, alt=map_facts.map_words(scene))  # fmt: skip
        map_facts.under_map(len(scene.rows), len(scene.x), chosen.what,
                            map_facts.how_to_read(chosen.what, chosen.colour, chosen.method))  # fmt: skip
        time_machine.round_slider(looking)
        map_facts.clusters_table(ground.names, ground.cluster, scene.marks, chosen.what)
    with right:
        score = ground.known(mapping.values(files["pairs"], found, SCORE))
        n = chosen_pairs(study, ground, marks, score, choice, chosen, lasso.now)
        reviewing.add_here(looking, partial(map_facts.ids_of, ground, choice), n, "add-chosen")
        take = partial(session.show_selected, "unlike", map_unlike.BARS, map_unlike.range_words)
        map_unlike.panel(ground, marks, choice, chosen.strategies, within, session.mode(), take)
        map_facts.embedding(answer["stamp"], chosen.what)
    if run is not None and looking.round is not None and looking.pair:
        chosen_pair.below(looking, browsing.round_of_seed(study, run.seed, looking.round))


def chosen_pairs(
    study: str, ground: Ground, marks: Marks, score: Any, choice: Choice, chosen: Chosen, shapes: Mapping[str, Any]
) -> int:
    """What is chosen on the map: counts, a table to read from, a way to keep it; how many, 0 for the whole pool."""
    n = map_facts.facts(ground, marks, score, choice)
    rows = first_rows(choice.pairs, marks, score, map_facts.SHOWN)
    order = ground.pairs.names(rows)
    table = f"pairs-{study}-{n}-{order[0] if order else ''}"
    texts = browsing.pair_texts(tuple(order))
    map_facts.pairs_table(order, rows, marks, score, n, texts, table,
                          partial(session.show_chosen, "pair", table, order))  # fmt: skip
    keep = partial(mapping.keep, study, partial(map_facts.ids_of, ground, choice), {**chosen.words(), **shapes})
    map_controls.selection_buttons(
        chosen.sel, drawn=choice.drawn and n > 0, known=choice.saved is not None, on_keep=keep,
        on_close=partial(session.choose, "sel", ""), on_clear=mapping.choose_anew,
    )  # fmt: skip
    if choice.saved is not None and not choice.drawn:
        keeping.elsewhere(chosen.sel, "explore")
    return 0 if choice.pairs is None else n


page()
