"""The card of an adapter: YAML for machines, then run, round, strategy, labels, settings, hashes and figures."""

from pathlib import Path
from typing import Any

from engine.data.export.card import in_code
from engine.records import Trained
from engine.store import queries
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.pool_texts import study_config
from engine.store.provenance import at_round, provenance_of
from engine.strategies.base import STRATEGIES


def adapter_card(store: Store, run_id: str, number: int, trained: Trained, *, merged: bool) -> str:
    """README.md of what `trained` left behind, as an adapter or merged into the model."""
    import yaml

    run = queries.run(store, run_id)
    config, found = study_config(store, run.study_id), at_round(provenance_of(store, run_id), number)
    evaluated = load_event(store, run_id, number, "evaluated")
    figures = {f"{m.name} {m.split}".strip(): m.value for m in getattr(evaluated, "metrics", ())}
    name = run.strategy.name.partition(":")[0]
    source = STRATEGIES.get(name).source if name in STRATEGIES.names() else ""
    base = name_of_base(config.model.path)
    head: dict[str, Any] = {"base_model": base} | ({} if merged else {"library_name": "peft"})
    head |= {"pipeline_tag": "text-generation", "tags": ["dpo", "lora", "active-preference-learning"]}
    facts = {
        "study": run.study_id,
        "run": run_id,
        "round": number,
        "strategy": run.strategy.name,
        "source": source,
        "seed": run.seed,
        "labels it trained on": trained.labels_used,
        "adapter sha256": trained.adapter_hash,
        "base model": base,
        "base model sha256": found.get("model_sha256", "not recorded"),
        **({"base model commit": found["model_commit"]} if found.get("model_commit") else {}),
        "reference": found.get("reference", "the SFT model with the adapter off"),
        "lora": config.model.lora.model_dump(mode="json"),
        "dpo": config.dpo.model_dump(mode="json"),
        "code version": found.get("program", "not recorded"),
        "figures of this round": figures,
    }
    kind = "Merged weights" if merged else "Adapter"
    lines = ["---", yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(), "---", ""]
    lines += [f"# {kind} of run `{run_id}` after round {number}", "", "| | |", "|---|---|"]
    lines += [f"| {key} | {in_code(value)} |" for key, value in facts.items()]
    how = (
        "`AutoModelForCausalLM.from_pretrained` loads this folder."
        if merged
        else "`AutoPeftModelForCausalLM.from_pretrained` loads this folder. `base_model_name_or_path` in "
        "adapter_config.json is the path that the study had, on a hub its last part; where that is not found, name the "
        "base model there."
    )
    return "\n".join([*lines, "", how, ""])


def name_of_base(path: str) -> str:
    """What a base model is called elsewhere: a folder of this machine by its own name, a hub id as it is."""
    return Path(path).name if Path(path).is_absolute() else path
