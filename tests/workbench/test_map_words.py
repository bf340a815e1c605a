"""What the page Map says in words: how to read it, what it was made on, in how many texts words were counted."""

from engine.store.summaries import Quantity
from workbench.components.map_controls import COLOURS, METHODS, POINTS
from workbench.components.map_facts import counted_words, embedding_stamp, how_to_read, unit_of
from workbench.components.map_unlike import READING
from workbench.components.task_card import _share


def test_every_how_to_read_line_has_at_most_40_words():
    lines = [how_to_read(what, colour, m) for what in POINTS for colour in COLOURS for m in METHODS.values()]
    assert max(len(line.split()) for line in [*lines, READING]) <= 40


def test_words_of_the_stamp_of_units_and_of_progress():
    stamp = {"model": "m", "adapter": "policy after round 2", "layer": "last layer", "pooling": "mean", "read": ""}
    assert embedding_stamp(stamp, "responses") == "m, policy after round 2, last layer, mean"
    said = embedding_stamp({**stamp, "method": "UMAP", "clusters": "k-means", "seed": 0}, "pairs")
    assert said.endswith("mean; pair = A − B, turned to one side; UMAP; clusters: k-means; seed 0")
    assert unit_of(Quantity("kl", "KL", "nats", "")) == "KL (nats)"
    assert unit_of(None) == "score (no unit)"
    assert [_share(words) for words in ("read 1,200 of 4,000", "of", "placing 4,000 pairs")] == [
        (1200, 4000),
        (0, 0),
        (0, 0),
    ]


def test_the_words_of_clusters_say_in_how_many_texts_they_were_counted() -> None:
    assert counted_words([400, 500], "responses") == "The words were counted in all 900 responses."
    assert counted_words([1200, 800, 20], "pairs") == (
        "The words were counted in 1,020 of 2,020 pairs: in the first 500 of each larger cluster."
    )
