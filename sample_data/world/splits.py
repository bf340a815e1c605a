"""All splits of the sample data in one fixed order, so that prompts are disjoint and every rebuild agrees."""

import random
from dataclasses import dataclass

from sample_data.world.facts import intents
from sample_data.world.writer import (
    FLAT,
    SKEWED,
    Dials,
    Prompts,
    Row,
    answer,
    balanced_topics,
    note,
    prompt_key,
    rows,
    topics,
)

POOL, RESPONSES = 1000, 4
HELDOUT, HELDOUT_RESPONSES = 350, 3
TUNE_POOL, TUNE_HELDOUT = 500, 220
TRAIN_EXAMPLES, VALID_EXAMPLES, PROBE_PROMPTS = 14_000, 500, 500
TRAIN_NOTES, HELD_OUT_NOTES = 1500, 500


@dataclass(frozen=True)
class Splits:
    """Everything the writer makes: the shipped files and what only the model's training uses."""

    worlds: dict[str, list[Row]]
    """Rows by file path below ``sample_data/``."""
    train: list[tuple[str, str]]
    """Prompt and answer, for supervised fine-tuning."""
    valid: list[tuple[str, str]]
    """The same for measuring the loss."""
    probe: list[str]
    """Prompts on which the model card's shares are measured, every topic twice."""
    train_notes: list[str]
    """Plain prose, for training."""
    notes: list[str]
    """Plain prose, held out: the perplexity file."""


def _examples(split: str, count: int, prompts: Prompts) -> list[tuple[str, str]]:
    made = []
    for index, intent in enumerate(balanced_topics("model", split, count)):
        seed = f"model:{split}:{index}"
        made.append((prompts.fresh(seed, intent, FLAT.slips), answer(random.Random(f"{seed}:answer"), intent)))
    return made


def _notes(split: str, count: int, taken: set[str]) -> list[str]:
    made: list[str] = []
    order = balanced_topics("notes", split, count)
    for index, intent in enumerate(order):
        rng = random.Random(f"notes:{split}:{index}")
        text = note(rng, intent)
        while text in taken:
            text = note(rng, intent)
        taken.add(text)
        made.append(text)
    return made


def build() -> Splits:
    """Write every split. Takes a few seconds; the same bytes on every machine."""
    prompts = Prompts()
    worlds: dict[str, list[Row]] = {}

    def add(world: str, split: str, count: int, responses: int, dials: Dials, style: str) -> None:
        held_out = "heldout" in split
        chosen = (
            balanced_topics(world, split, count)
            if style == "balanced"
            else topics(world, split, count, dials, shifted=held_out)
        )
        worlds[f"{world}/{split}.jsonl"] = rows(world, split, chosen, responses, dials, prompts)

    for world, dials in (("skewed", SKEWED), ("flat", FLAT)):
        add(world, "pool", POOL, RESPONSES, dials, "drawn" if dials.zipf else "balanced")
        add(world, "heldout_pool_like", HELDOUT, HELDOUT_RESPONSES, dials, "drawn" if dials.zipf else "balanced")
        add(world, "heldout_balanced", HELDOUT, HELDOUT_RESPONSES, dials, "balanced")
    add("skewed", "tune_pool", TUNE_POOL, RESPONSES, SKEWED, "drawn")
    add("skewed", "tune_heldout", TUNE_HELDOUT, HELDOUT_RESPONSES, SKEWED, "drawn")
    train = _examples("train", TRAIN_EXAMPLES, prompts)
    valid = _examples("valid", VALID_EXAMPLES, prompts)
    probe = [
        prompts.fresh(f"model:probe:{index}", intent, FLAT.slips)
        for index, intent in enumerate(intents() * (PROBE_PROMPTS // len(intents())))
    ]
    taken: set[str] = set()
    train_notes = _notes("train", TRAIN_NOTES, taken)
    splits = Splits(worlds, train, valid, probe, train_notes, _notes("heldout", HELD_OUT_NOTES, taken))
    assert_disjoint(splits)
    return splits


def assert_disjoint(splits: Splits) -> None:
    """Raise where two splits share a prompt (the letters alone compared) or two sets of notes a line."""
    groups = {path: [row["prompt"][-1]["content"] for row in made] for path, made in splits.worlds.items()}
    groups |= {
        "train": [prompt for prompt, _ in splits.train],
        "valid": [prompt for prompt, _ in splits.valid],
        "probe": splits.probe,
        "train notes": splits.train_notes,
        "perplexity": splits.notes,
    }
    owner: dict[str, str] = {}
    for name, texts in groups.items():
        for text in texts:
            if owner.setdefault(prompt_key(text), name) != name:
                raise ValueError(f"{name} and {owner[prompt_key(text)]} share a prompt: {text}")
