"""Train the small sample model: ``python -m sample_data.make_model [--check] [--out DIR]``.

Trains the tokenizer and the model on the writer's training split, measures both, and writes a Hugging Face folder
with its numbers in ``training.json``. With ``--check`` the model is retrained in a temporary folder and its final
loss is compared with the recorded one: weights may differ in their last bits between machines, the loss by at most
1 %.
"""

import math
import random
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sample_data import checksums, rebuild
from sample_data.world.gold import score
from sample_data.world.splits import Splits, build

MODEL = checksums.HERE / "model"
SPECIALS = ("<|pad|>", "<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{{- '<|bos|>' }}"
    "{%- for message in messages %}"
    "{%- if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{- raise_exception('The roles are system, user and assistant.') }}"
    "{%- endif %}"
    "{{- '<|' + message['role'] + '|>' + message['content'] }}"
    "{%- if message['role'] == 'assistant' %}{{- '<|eos|>' }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
)
VOCABULARY = 1280
HIDDEN, INNER, LAYERS, HEADS, CONTEXT = 128, 352, 3, 4, 2048
EPOCHS, BATCH, RATE, WARMUP, SEED = 4, 32, 3e-3, 50, 7
NEW_TOKENS = 96
TOLERANCE = 0.01

Example = tuple[list[int], int]
"""Token ids and the index of the first one that counts for the loss."""


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE on ``texts``; all 256 bytes are in it, so any text can be encoded."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    core.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<|bos|>",
        eos_token="<|eos|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|system|>", "<|user|>", "<|assistant|>"],
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
        padding_side="left",
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def prompt_ids(tokenizer: Any, prompt: str) -> list[int]:
    """The ids of one user turn and the mark that opens the answer."""
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
    )
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def encode(tokenizer: Any, pairs: list[tuple[str, str]], notes: list[str]) -> list[Example]:
    """Training examples: answers count after their prompt, plain prose from its first token on."""
    made: list[Example] = []
    for prompt, text in pairs:
        head = prompt_ids(tokenizer, prompt)
        made.append(
            (head + tokenizer(text, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id], len(head))
        )
    for text in notes:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        made.append(([tokenizer.bos_token_id, *ids, tokenizer.eos_token_id], 1))
    return made


def batch_loss(model: LlamaForCausalLM, batch: list[Example], pad: int) -> tuple[torch.Tensor, int]:
    """Summed loss in nats over the tokens that count, and their number. Padding stands right, so no mask is needed."""
    width = max(len(ids) for ids, _ in batch)
    ids = torch.tensor([row + [pad] * (width - len(row)) for row, _ in batch])
    where = torch.zeros_like(ids, dtype=torch.bool)
    for index, (row, start) in enumerate(batch):
        where[index, start : len(row)] = True
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    logits = model.lm_head(hidden[where[:, 1:]])
    return functional.cross_entropy(logits, ids[where], reduction="sum"), int(where.sum())


def batches(examples: list[Example], rng: random.Random) -> list[list[Example]]:
    """The examples shuffled, then grouped by length within a window of sixteen batches."""
    order = examples[:]
    rng.shuffle(order)
    window = BATCH * 16
    made: list[list[Example]] = []
    for start in range(0, len(order), window):
        part = sorted(order[start : start + window], key=lambda example: len(example[0]))
        made += [part[index : index + BATCH] for index in range(0, len(part), BATCH)]
    rng.shuffle(made)
    return made


def mean_loss(model: LlamaForCausalLM, examples: list[Example], pad: int) -> float:
    """Loss in nats per token that counts."""
    total, count = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(examples), 100):
            loss, number = batch_loss(model, examples[start : start + 100], pad)
            total, count = total + float(loss), count + number
    return total / count


def train(tokenizer: Any, splits: Splits) -> LlamaForCausalLM:
    """Fine-tune a fresh model: AdamW, warm-up and cosine."""
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=HIDDEN,
            intermediate_size=INNER,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    examples = encode(tokenizer, splits.train, splits.train_notes)
    rng = random.Random(SEED)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.05)
    steps = EPOCHS * math.ceil(len(examples) / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: (
            min(1.0, (step + 1) / WARMUP) * (0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2)
        ),
    )
    model.train()
    for epoch in range(EPOCHS):
        total, count = 0.0, 0
        for batch in batches(examples, rng):
            loss, number = batch_loss(model, batch, tokenizer.pad_token_id)
            optimiser.zero_grad()
            (loss / number).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total, count = total + float(loss.detach()), count + number
        print(f"Epoch {epoch + 1} of {EPOCHS}: loss {total / count:.4f} nats per token.", flush=True)
    model.eval()
    model.generation_config.do_sample = False
    model.generation_config.max_new_tokens = NEW_TOKENS
    return model


def generate(model: Any, tokenizer: Any, prompts: list[str], sample: bool, seed: int = SEED) -> list[str]:
    """One answer per prompt, greedy or sampled at temperature 1 from the whole distribution."""
    torch.manual_seed(seed)
    answers: list[str] = []
    for start in range(0, len(prompts), 125):
        heads = [prompt_ids(tokenizer, prompt) for prompt in prompts[start : start + 125]]
        width = max(map(len, heads))
        ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(head)) + head for head in heads])
        mask = torch.tensor([[0] * (width - len(head)) + [1] * len(head) for head in heads])
        options: dict[str, Any] = (
            {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0} if sample else {"do_sample": False}
        )
        with torch.no_grad():
            out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=NEW_TOKENS, **options)
        answers += tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)
    return answers


def measure(model: Any, tokenizer: Any, splits: Splits) -> dict[str, float]:
    """The numbers of the model card, on prompts disjoint from every other split."""
    sampled = generate(model, tokenizer, splits.probe, sample=True)
    greedy = generate(model, tokenizer, splits.probe, sample=False)
    golds = [score(prompt, text) for prompt, text in zip(splits.probe, sampled, strict=True)]
    best = [score(prompt, text) for prompt, text in zip(splits.probe, greedy, strict=True)]
    pad = tokenizer.pad_token_id
    note_loss = mean_loss(model, encode(tokenizer, [], splits.notes), pad)
    return {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "vocabulary": len(tokenizer),
        "loss": round(mean_loss(model, encode(tokenizer, splits.valid, []), pad), 5),
        "perplexity": round(math.exp(note_loss), 4),
        "samples": len(sampled),
        "parsed_at_t1": round(sum(gold.parsed for gold in golds) / len(golds), 4),
        "right_at_t1": round(sum(gold.right == 1.0 for gold in golds) / len(golds), 4),
        "gold_at_t1": round(sum(gold.value for gold in golds) / len(golds), 4),
        "greedy_parsed": round(sum(gold.parsed for gold in best) / len(best), 4),
        "greedy_right": round(sum(gold.right == 1.0 for gold in best) / len(best), 4),
        "greedy_gold": round(sum(gold.value for gold in best) / len(best), 4),
        "prompt_tokens": round(sum(len(prompt_ids(tokenizer, one)) for one in splits.probe) / len(splits.probe), 2),
        "response_tokens": round(
            sum(len(tokenizer(text)["input_ids"]) for _, text in splits.valid) / len(splits.valid), 2
        ),
    }


def make(folder: Path) -> dict[str, float]:
    """Train, save to ``folder``, load again from there and measure."""
    rebuild.one_thread()
    splits = build()
    texts = [text for pair in splits.train for text in pair] + splits.train_notes
    tokenizer = train_tokenizer(texts)
    began = time.monotonic()
    model = train(tokenizer, splits)
    print(f"Trained in {time.monotonic() - began:.0f} s.", flush=True)
    rebuild.save(model, tokenizer, folder)
    return rebuild.note(measure(AutoModelForCausalLM.from_pretrained(folder), tokenizer, splits), folder)


SCRIPT = rebuild.Script("sample_data.make_model", __doc__, MODEL, make, "loss", TOLERANCE, relative=True)

if __name__ == "__main__":
    SCRIPT.run()
