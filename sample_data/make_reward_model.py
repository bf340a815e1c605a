"""Train the small sample reward model: ``python -m sample_data.make_reward_model [--check] [--out DIR]``.

It begins as the sample model with one number on top and learns, by the Bradley-Terry loss, from pairs that the sample
world's writer makes and labels for the prompts of the model's own training; none of them is in a pool or held-out set.
It is measured on the recorded pairs of ``skewed/tune_heldout.jsonl``, which no study of the sample reads. Weights are
kept in half precision. With ``--check`` it is retrained in a temporary folder and must agree with the gold order as
often as the shipped one does, within two points.
"""

import json
import random
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sample_data import checksums, rebuild
from sample_data.make_model import MODEL
from sample_data.world.facts import intent_of
from sample_data.world.gold import preference, score
from sample_data.world.splits import build
from sample_data.world.writer import answer

OUT = checksums.HERE / "reward_model"
PROMPTS, EPOCHS, BATCH, RATE, WARMUP, SEED = 8000, 2, 32, 6e-4, 30, 11
TOLERANCE = 0.02

Row = tuple[str, str, str]
"""Prompt, the response that was preferred, the other."""


def drawn_pairs(train: list[tuple[str, str]]) -> list[Row]:
    """The writer's answer to each prompt and a second one, labelled by Bradley-Terry on the gold score."""
    rows = []
    for index, (prompt, one) in enumerate(train):
        rng, intent = random.Random(f"reward:{index}"), intent_of(prompt)
        other = one if intent is None else answer(rng, intent)
        if other != one:
            wins = rng.random() < preference(score(prompt, one).value, score(prompt, other).value)
            rows.append((prompt, one, other) if wins else (prompt, other, one))
    return rows


def encoded(tokenizer: Any, rows: list[tuple[str, str]]) -> dict[str, torch.Tensor]:
    """Prompts and responses through the chat template, padded on the right."""
    texts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}], tokenize=False
        )
        for prompt, text in rows
    ]
    found = tokenizer(texts, add_special_tokens=False, padding=True, padding_side="right", return_tensors="pt")
    return {"input_ids": found["input_ids"], "attention_mask": found["attention_mask"]}


def rewards(model: Any, tokenizer: Any, rows: list[tuple[str, str]]) -> torch.Tensor:
    """One number a prompt and response, (n,)."""
    return model(**encoded(tokenizer, rows), use_cache=False).logits[:, 0]


def train(rows: list[Row]) -> tuple[Any, Any]:
    """The sample model with a head of one number, trained on all its weights."""
    torch.manual_seed(SEED)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=1, dtype=torch.float32)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    steps = EPOCHS * (len(rows) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARMUP) * max(0.02, 1 - step / steps)
    )
    rng = random.Random(SEED)
    model.train()
    for epoch in range(EPOCHS):
        order, total = rows[:], 0.0
        rng.shuffle(order)
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            both = rewards(model, tokenizer, [(p, a) for p, a, _ in batch] + [(p, b) for p, _, b in batch])
            loss = -functional.logsigmoid(both[: len(batch)] - both[len(batch) :]).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"Epoch {epoch + 1} of {EPOCHS}: loss {total / (len(order) // BATCH):.4f} nats per pair.", flush=True)
    return model.eval(), tokenizer


@torch.no_grad()
def measure(model: Any, tokenizer: Any) -> dict[str, float]:
    """Agreement with the gold order and with the recorded labels on pairs that nothing was trained on."""
    lines = (checksums.HERE / "skewed" / "tune_heldout.jsonl").read_text(encoding="utf-8").splitlines()
    gold, recorded, values, n = [], [], [], 0
    for row in map(json.loads, lines):
        prompt, responses = row["prompt"][-1]["content"], row["responses"]
        found = rewards(model, tokenizer, [(prompt, one["text"]) for one in responses]).tolist()
        values += found
        for pair in row["comparisons"]:
            one, other, n = pair["first"], pair["second"], n + 1
            gap = found[one] - found[other]
            apart = responses[one]["score"] - responses[other]["score"]
            if apart:
                gold.append((gap > 0) == (apart > 0))
            recorded.append((gap > 0) == (pair["answer"] == "first"))
    spread = torch.tensor(values).std()
    return {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "pairs": n,
        "agrees_with_gold": round(sum(gold) / len(gold), 4),
        "agrees_with_recorded": round(sum(recorded) / len(recorded), 4),
        "spread_of_rewards": round(float(spread), 4),
    }


def make(folder: Path) -> dict[str, float]:
    """Train, save to ``folder`` in half precision, load again from there and measure."""
    rebuild.one_thread()
    model, tokenizer = train(drawn_pairs(build().train[:PROMPTS]))
    rebuild.save(model.half(), tokenizer, folder)
    kept = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    return rebuild.note(measure(kept, tokenizer), folder)


SCRIPT = rebuild.Script(
    "sample_data.make_reward_model", __doc__, OUT, make, "agrees_with_gold", TOLERANCE, relative=False
)

if __name__ == "__main__":
    SCRIPT.run()
