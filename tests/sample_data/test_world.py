"""The made world: data that rebuild, gold that is total, splits that do not touch, labels that follow Bradley-Terry."""

import hashlib
import json
import random
from collections import Counter
from itertools import combinations
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_data import checksums, make_data
from sample_data.world import phrases, splits, writer
from sample_data.world.facts import MANNERS, MEANS, TASKS, intent_of, intents, things
from sample_data.world.gold import FLOOR, preference, score

PROMPT = "How do I clean my oak table?"
NEAR = ["clean", "the", "oak", "table", "with", "a", "damp", "cloth", "zebra", ".", ",", "!", "Clean", "gently"]
RIGHT = "Clean the oak table with a damp cloth, wiping along the grain."


@pytest.fixture(scope="module")
def built():
    return splits.build()


def test_data_rebuild_byte_for_byte(built):
    made = make_data.files(built)
    assert len(made) == 9
    assert make_data.differing(made) == []
    made["perplexity.txt"] += b"!"
    assert make_data.differing(made) == ["perplexity.txt"]


def test_check_names_the_differing_file_and_fails(built, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(make_data, "build", lambda: built)
    assert make_data.main(["--check"]) == 0
    monkeypatch.setattr(checksums, "HERE", tmp_path)
    assert make_data.main([]) == 0
    assert make_data.main(["--check"]) == 0
    with (tmp_path / "flat/pool.jsonl").open("a") as file:
        file.write("\n")
    assert make_data.main(["--check"]) == 1
    assert "flat/pool.jsonl" in capsys.readouterr().out.splitlines()[-1]


def test_checksum_list_is_true_and_whole():
    lines = (checksums.HERE / checksums.LIST).read_text().splitlines()
    listed = {path: digest for digest, path in (line.split("  ") for line in lines)}
    on_disk = {
        path.relative_to(checksums.HERE).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in checksums.shipped(checksums.HERE)
    }
    assert listed == on_disk
    assert {"model/model.safetensors", "model/tokenizer.json", "skewed/pool.jsonl", "perplexity.txt"} <= set(listed)


def test_fifty_things_by_five_tasks_and_every_value_in_use():
    assert len(things()) == 50
    assert len(intents()) == 250
    for task in TASKS:
        assert {intent.means for intent in intents() if intent.task == task} == set(MEANS[task].values())
        assert {intent.manner for intent in intents() if intent.task == task} == set(MANNERS[task].values())


def test_every_question_is_understood():
    for intent in intents():
        for question in phrases.QUESTIONS[intent.task]:
            for greeting in phrases.GREETINGS:
                assert intent_of(greeting + question.format(it=f"my {intent.thing}")) == intent
    for slip, other in ((word, swap) for word, swap in phrases.SLIPS.items() for swap in (phrases.SLIPS[word],)):
        assert intent_of(PROMPT.replace(slip, other)) == intent_of(PROMPT)
    assert intent_of("What is the capital of France?") is None


@given(st.text(), st.text())
def test_gold_is_total(prompt, response):
    for question in (prompt, PROMPT):
        gold = score(question, response)
        assert gold.parsed == (gold.value > FLOOR)
        assert gold.right in (0.0, 0.5, 1.0)


@given(st.lists(st.sampled_from(NEAR)).map(" ".join))
def test_gold_is_total_on_near_english(response):
    assert score(PROMPT, response).value >= FLOOR


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        " ",
        "🙂",
        "مرحبا",
        "oak",
        "clean the oak table with a damp cloth.",
        RIGHT[:-1],
        RIGHT + " Zebra stripes help.",
        "Table oak the damp clean with cloth a grain.",
        RIGHT * 12,
        "Clean the oak\ttable with a damp cloth.",
        "Clean  the oak table with a damp cloth ."[:6] + "\x00 the oak table.",
        "Clean the oak table with a damp cloth,,.",
    ],
)
def test_garbage_gets_the_floor(garbage):
    gold = score(PROMPT, garbage)
    assert (gold.value, gold.parsed, gold.right) == (FLOOR, False, 0.0)


def test_a_prompt_of_another_world_gets_the_floor():
    assert score("What is love?", RIGHT).value == FLOOR


def test_right_beats_half_right_beats_vague_beats_wrong_beats_off_topic():
    answers = [
        RIGHT,
        "Clean the oak table with a damp cloth, rinsing it twice.",
        "Handle the oak table the normal way, as others do.",
        "Clean the oak table with coarse salt, rinsing it twice.",
        "Clean the road bike with warm soapy water, working from top to bottom.",
    ]
    golds = [score(PROMPT, text) for text in answers]
    assert [gold.content for gold in golds] == ["right", "half right", "vague", "wrong", "off-topic"]
    assert [gold.right for gold in golds] == [1.0, 0.5, 0.0, 0.0, 0.0]
    values = [gold.value for gold in golds]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 5


def test_naming_every_value_is_no_right_answer():
    assert score(PROMPT, f"{RIGHT} Use white vinegar on the oak table.").right == 0.5


def test_courtesy_tidiness_and_ending_count_in_their_direction():
    plain = score(PROMPT, RIGHT).value
    assert score(PROMPT, f"Happy to help. {RIGHT}").value > plain > score(PROMPT, f"Everyone knows this. {RIGHT}").value
    assert score(PROMPT, f"{RIGHT} Good luck with it.").value > plain > score(PROMPT, f"{RIGHT} Whatever.").value
    assert score(PROMPT, f"{RIGHT} {RIGHT}").value < plain
    assert score(PROMPT, f"Happy to help. Everyone knows this. {RIGHT}").courtesy == "rude"


def test_everything_the_writer_makes_parses_as_what_it_was_meant_to_be(built):
    for rows in built.worlds.values():
        for row in rows:
            prompt = row["prompt"][-1]["content"]
            intent = intent_of(prompt)
            assert intent is not None
            assert intent.topic == row["topic"]
            golds = [score(prompt, response["text"]) for response in row["responses"]]
            assert all(gold.parsed for gold in golds)
            assert [gold.value for gold in golds] == [response["score"] for response in row["responses"]]


def test_prompts_are_disjoint_and_sets_have_their_sizes(built):
    splits.assert_disjoint(built)
    sizes = {path: (len(rows), sum(len(row["comparisons"]) for row in rows)) for path, rows in built.worlds.items()}
    for world in ("skewed", "flat"):
        assert sizes[f"{world}/pool.jsonl"][0] == 1000
        for held_out in ("pool_like", "balanced"):
            assert sizes[f"{world}/heldout_{held_out}.jsonl"][1] >= 1000
    assert sizes["skewed/tune_pool.jsonl"][0] == 500
    assert sizes["skewed/tune_heldout.jsonl"][1] >= 600
    assert len(built.notes) >= 400
    built.worlds["flat/pool.jsonl"][0]["prompt"], kept = (
        built.worlds["skewed/pool.jsonl"][0]["prompt"],
        built.worlds["flat/pool.jsonl"][0]["prompt"],
    )
    with pytest.raises(ValueError, match="share a prompt"):
        splits.assert_disjoint(built)
    built.worlds["flat/pool.jsonl"][0]["prompt"] = kept


def test_rows_are_whole(built):
    for path, rows in built.worlds.items():
        wanted = 4 if path.endswith("pool.jsonl") else 3
        assert len({row["id"] for row in rows}) == len(rows)
        for row in rows:
            texts = [response["text"] for response in row["responses"]]
            assert len(set(texts)) == wanted
            pairs = [(one["first"], one["second"]) for one in row["comparisons"]]
            assert pairs == list(combinations(range(wanted), 2))
            assert {one["answer"] for one in row["comparisons"]} <= {"first", "second"}
        assert json.loads((checksums.HERE / path).read_text(encoding="utf-8").splitlines()[0]) == rows[0]


def test_labels_follow_bradley_terry(built):
    chances, hits = [], []
    for rows in built.worlds.values():
        for row in rows:
            for one in row["comparisons"]:
                gap = row["responses"][one["first"]]["score"] - row["responses"][one["second"]]["score"]
                if gap:
                    chances.append(preference(abs(gap), 0.0))
                    hits.append((gap > 0) == (one["answer"] == "first"))
    assert 0.85 <= mean(chances) <= 0.90
    assert mean(hits) == pytest.approx(mean(chances), abs=0.01)


def test_preference_is_symmetric_and_does_not_overflow():
    assert preference(1.0, 0.0) == pytest.approx(0.7310586)
    assert preference(-900.0, 900.0) + preference(900.0, -900.0) == pytest.approx(1.0)


def test_skewed_is_skewed_and_flat_is_flat(built):
    def counts(path):
        return Counter(row["topic"] for row in built.worlds[path])

    assert max(counts("skewed/pool.jsonl").values()) >= 100
    assert set(counts("flat/pool.jsonl").values()) == {4}
    for world in ("skewed", "flat"):
        balanced = counts(f"{world}/heldout_balanced.jsonl")
        assert len(balanced) == 250
        assert set(balanced.values()) <= {1, 2}
        by_thing = Counter(topic.split(" / ")[0] for topic in balanced.elements())
        assert set(by_thing.values()) == {7}
        assert set(Counter(topic.split(" / ")[1] for topic in balanced.elements()).values()) == {70}


def test_the_dials_do_what_they_say():
    plain = writer.Dials(slips=0.0)
    order = writer.ranking("test", "home")
    drawn = Counter(writer.topics("test", "pool", 2000, writer.Dials(zipf=1.0), shifted=False))
    assert drawn[order[0]] > 5 * max(1, drawn[order[40]])
    away = Counter(writer.topics("test", "held", 2000, writer.Dials(zipf=1.0, shift=1.0), shifted=True))
    assert away.most_common(1)[0][0] == writer.ranking("test", "away")[0]
    chosen = [order[0]] * 200

    def keys(dials):
        made = writer.rows("test", "near", chosen, 2, dials, writer.Prompts())
        texts = [row["prompt"][0]["content"] for row in made]
        assert len(set(texts)) == 200
        return len({writer.prompt_key(text) for text in texts})

    assert keys(plain) == 200
    assert keys(writer.Dials(near_duplicates=0.8, slips=0.0)) < 185
    rng = random.Random(0)
    share = mean(writer.label(rng, 9.0, -9.0, 1.0) == "first" for _ in range(2000))
    assert share == pytest.approx(0.5, abs=0.05)
    assert all(writer.label(rng, 9.0, -9.0, 0.0) == "first" for _ in range(100))
