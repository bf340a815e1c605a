"""The code that reads again in a notebook what the app shows in words: Data, Label quality and Export, as cells."""

from workbench.redrawing import CODE, WORDS, Cell
from workbench.views import InData, ToExport, View


def of_data(view: View) -> list[Cell]:
    """A page of a data set's prompts, and all that is known of one of them."""
    of = view.in_data or InData("")
    draw = f"""from engine.api.pairs import Pairs, ShownPair
from engine.api.table import table
from engine.store import browse, queries

dataset = next(one for one in queries.datasets(store) if one.id == {of.dataset_id!r})
print(f"{{dataset.rows:,}} rows, {{dataset.prompts:,}} prompts, {{dataset.pairs:,}} pairs, read as {{dataset.format}}")
found = browse.search(store, dataset.id, {of.text!r}, {of.page!r})
print(f"{{found.total:,}} prompts; this is page {{found.page + 1}} with {{len(found.prompts):,}} of them")
table(
    {{
        "row": [one.row for one in found.prompts],
        "prompt_id": [one.id for one in found.prompts],
        "prompt": [one.messages[-1][1] for one in found.prompts],
        "topic": [one.topic for one in found.prompts],
        "responses": [one.responses for one in found.prompts],
        "pairs": [one.pairs for one in found.prompts],
        "recorded": [one.recorded for one in found.prompts],
    }},
    {{
        "row": "place in the file, from 1",
        "prompt_id": "id of the prompt",
        "prompt": "its last turn",
        "topic": "as the file names it",
        "responses": "how many the data set has",
        "pairs": "how many the data set has",
        "recorded": "answers that the file records",
    }},
)"""
    wanted = repr(of.prompt) if of.prompt else "found.prompts[0].id if found.prompts else ''"
    one = f"""one = browse.prompt(store, dataset.id, {wanted}, {view.study_id or None!r})
table(
    {{
        "response": [response.text for response in one.responses] if one else [],
        "source": [response.source for response in one.responses] if one else [],
        "score": [response.score for response in one.responses] if one else [],
        "round": [response.round for response in one.responses] if one else [],
    }},
    {{
        "response": "the whole text",
        "source": "the model or person that wrote it, as far as it is known",
        "score": "the file's own number",
        "round": "in which a run of the study made it; none for the file's",
    }},
)"""
    pairs = """texts = {response.id: response.text for response in one.responses} if one else {}
answers = {pair_id: answer for pair_id, answer, _ in one.recorded} if one else {}
Pairs(
    "its pairs, each with the answer that the file records",
    [
        ShownPair(pair_id, one.messages, texts[a], texts[b], answers.get(pair_id))
        for pair_id, (a, b) in (one.pairs.items() if one else ())
        if a in texts and b in texts
    ],
)"""
    return [
        (WORDS, "The data set, and the prompts that the search found."),
        (CODE, draw),
        (WORDS, "One prompt with its responses."),
        (CODE, one),
        (CODE, pairs),
    ]


def of_label_quality(view: View) -> list[Cell]:
    """Agreement, noise, pace, labellers, suspects: the figures of the page Label quality."""
    read = f"""from engine.api.table import table
from engine.store.labelled import salt_of
from engine.store.traced import as_shown, trace
from workbench.charts.worth import Row, rows_figure, seconds_figure
from workbench.worth import MEASURES, called, worth

found = worth(study.store, study.id, {view.source!r})
print(f"{{len(found.votes):,}} answers to {{found.votes['pair_id'].nunique():,}} pairs")
groups = [("all pairs", found.alpha), *found.by_strategy, *found.by_topic, *found.by_cluster]
rows = [Row(name, one.alpha, one.low, one.high, one.pairs) for name, one in groups if one.alpha is not None]
if rows:
    display(rows_figure(rows, "Krippendorff's α", 0.0, "light"))
else:
    print("No pair has two answers that could differ.")"""
    agreement = """table(
    {
        "of": [name for name, _ in groups],
        **{field: [getattr(one, field) for _, one in groups] for field in ("alpha", "low", "high", "pairs", "answers")},
    },
    {
        "of": "all pairs, a strategy's picks, a topic or a cluster of the newest map",
        "alpha": "Krippendorff's α: 1 is full agreement, 0 what chance gives; none where no pair has two answers",
        "low": "lower end of its 95 % interval",
        "high": "its upper end",
        "pairs": "pairs with two answers or more",
        "answers": "answers to them",
    },
)"""
    noise = """bought = [(name, one) for name, one in found.bought if one.difference is not None]
if bought:
    print("Noise:", MEASURES[found.measure])
    drawn = [Row(name, one.difference, one.low, one.high, one.n) for name, one in bought]
    display(rows_figure(drawn, "noise minus that of random pairs", 0.0, "light"))
else:
    print("Whether a strategy buys noise cannot be told yet.")
if found.by_length:
    display(seconds_figure(found.by_length, "light"))"""
    people = """names = called(study.store, study.id)  # by number, as the page has them
table(
    {
        "labeller": [names.get(one.name, one.name) for one in found.labellers],
        **{
            field: [getattr(one, field) for one in found.labellers]
            for field in ("answers", "skips", "pairs", "skill", "low", "high", "seconds")
        },
    },
    {
        "labeller": "who answers",
        "answers": "answers that stand, skips not counted",
        "skips": "pairs that were left to others",
        "pairs": "pairs that others answered, too",
        "skill": "the chance that an answer is right (Dawid-Skene); none where no pair is shared",
        "low": "lower end of its 95 % interval",
        "high": "its upper end",
        "seconds": "median time of an answer, in seconds",
    },
)"""
    suspects = """table(
    found.suspects,
    {
        "pair_id": "id of the pair",
        "answer": "its label",
        "answers": "answers that it was made of",
        "margin": "of trained policies towards the label, in standard deviations",
        "chance": "that the label is wrong; ranks well, as a number it is rough",
    },
)"""
    every = "as_shown(trace(study.store, study.id), study.id, salt_of(study.store))  # people by number, without notes"
    return [
        (WORDS, "What the labels are worth: agreement of all answers, by strategy, topic and cluster."),
        (CODE, read),
        (CODE, agreement),
        (WORDS, "Does a strategy buy noise, and how long does an answer take?"),
        (CODE, noise),
        (WORDS, "Who answers."),
        (CODE, people),
        (WORDS, "Labels that are probably wrong, the most doubtful first."),
        (CODE, suspects),
        (WORDS, "Every answer."),
        (CODE, f"answers = {every}\ntable(answers, {{name: name.replace('_', ' ') for name in answers.columns}})"),
    ]


def of_export(to: ToExport) -> list[Cell]:
    """The files, and how they begin."""
    said = "".join(f"    {name}={value!r},\n" for name, value in to.choices.items())
    cells = [
        (WORDS, "The labelled subset, in a new folder: nothing is overwritten."),
        (CODE, f"exported = study.export(\n    {to.out!r},\n{said})\nexported"),
        (WORDS, "The card, and what was checked."),
        (CODE, 'print((exported.out / "README.md").read_text(encoding="utf-8"))'),
        (CODE, "exported.ticks"),
    ]
    if to.file:
        first = f"""with (exported.out / {to.file!r}).open(encoding="utf-8") as rows:
    print(rows.readline())"""
        cells += [(WORDS, "The first row of the file."), (CODE, first)]
    return cells
