"""The labelled subset of a study in the forms that trainers read, with a card and a sidecar of where it came from.

Only a and b make a chosen and a rejected; ties, both-bad and skips are counted on the card and stand in the audit
profile. A pair that several runs picked is exported once, as the earliest round that got an answer to it did.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.arms import arm_of, buys_all
from engine.errors import DataError
from engine.store.summaries import StudyDetail
from engine.strategies.base import STRATEGIES

Container = Literal["jsonl", "parquet", "csv"]
EXTRA = ("pair_id", "strategy", "seed", "round", "rank", "score", "oracle")


@dataclass(frozen=True)
class Export:
    """Files by name, and what became of the pairs: asked = exported + ties + both bad + skipped + asked again."""

    files: Mapping[str, bytes]
    counts: Mapping[str, int]
    first_rows: Sequence[Mapping[str, Any]]


Row = Mapping[str, Any]


def _explicit(row: Row, chosen: str, rejected: str) -> dict[str, Any]:
    return {"prompt": _turns(row), "chosen": _answer(chosen), "rejected": _answer(rejected)}


def _implicit(row: Row, chosen: str, rejected: str) -> dict[str, Any]:
    return {"chosen": _turns(row) + _answer(chosen), "rejected": _turns(row) + _answer(rejected)}


def _plain(row: Row, chosen: str, rejected: str) -> dict[str, Any]:
    if len(row["messages"]) != 1:
        raise DataError(
            f"Pair {row['pair_id']} has a prompt of {len(row['messages'])} turns; profile 'plain' has room for one.",
            "Take profile 'trl'.",
        )
    return {"prompt": row["messages"][0][1], "chosen": chosen, "rejected": rejected}


PROFILES: dict[str, tuple[str, Callable[[Row, str, str], dict[str, Any]]]] = {
    "trl": ("TRL, explicit prompt, conversational", _explicit),
    "trl_implicit": ("TRL, implicit prompt, conversational", _implicit),
    "plain": ("prompt, chosen, rejected as plain texts (one turn)", _plain),
}
AUDIT = ("audit", "every answer that was asked for, ties and skips included, as asked")


def profiles() -> dict[str, str]:
    """Profile name → what it is."""
    return {**{name: words for name, (words, _) in PROFILES.items()}, AUDIT[0]: AUDIT[1]}


def export(
    rows: Sequence[Row], *, profile: str = "trl", container: Container = "jsonl", about: Mapping[str, Any] | None = None
) -> Export:
    """Write the answered pairs (`engine.store.queries.labelled_pairs`) in a profile, with card and sidecar.

    DataError: unknown profile, CSV for a profile of messages, nothing to export.
    """
    if profile not in profiles():
        raise DataError(f"No profile is called {profile!r}.", f"Known: {', '.join(profiles())}.")
    if container == "csv" and profile not in ("plain", "audit"):
        raise DataError(
            f"Profile {profile!r} holds lists of messages, which CSV cannot.",
            "Take JSONL or Parquet, or profile 'plain'.",
        )
    kept, counts = _once(rows)
    if profile == AUDIT[0]:
        # Only here: what a trainer reads must be the text that was labelled, to the letter.
        table = [_guarded(_audit(row)) if container == "csv" else _audit(row) for row in rows]
    else:
        shape = PROFILES[profile][1]
        table = []
        for row in kept:
            a, b = row["response_a"], row["response_b"]
            chosen, rejected = (a, b) if row["answer"] == "a" else (b, a)
            table.append({**shape(row, chosen, rejected), **{name: row[name] for name in EXTRA}})
    if not table:
        raise DataError("There is nothing to export: no pair has an answer that trains.", "Wait for the first round.")
    name = f"data/train-00000-of-00001.{container}"
    files = {
        name: _WRITERS[container](table),
        "provenance.jsonl": _jsonl([_audit(row) for row in rows]),
        "README.md": _card(name, len(table), profile, counts, about or {}).encode(),
    }
    return Export(files, counts, table[:5])


def about_study(detail: StudyDetail, strategy: str | None = None, seed: int | None = None) -> dict[str, Any]:
    """What the card says of the study: strategies with citations, regime, seeds, budget, oracle, data and model.

    `strategy` is the key of an arm, None for all. Sampler, regime and budget are those its runs were queued with; where
    arms differ in one, it is said by key.
    """
    config, keys = detail.config, [key for key in detail.arms if strategy in (None, key)]
    arms = [{**detail.arms[key]["strategy"], **({"arm": arm_of(key)} if arm_of(key) else {})} for key in keys]
    known = STRATEGIES.names()
    cited = {arm["name"]: STRATEGIES.get(arm["name"]).source for arm in arms if arm["name"] in known}
    reference: Mapping[str, Any] = next((r for r in detail.provenance.get("runs", ()) if r), {})
    return {
        "study": detail.summary.name,
        "study id": detail.summary.id,
        "people": config["oracle"]["name"] == "people",
        "strategies": arms,
        "sources": cited,
        "seeds": list(detail.summary.seeds) if seed is None else [seed],
        "budget per run": _one_or_each({key: _budget(detail, key) for key in keys}),
        "sampler": _one_or_each({key: detail.seen_by(key, "sampler") for key in keys}),
        "oracle": config["oracle"],
        "regime": _one_or_each({key: detail.seen_by(key, "regime") for key in keys}),
        "model": config["model"]["path"].rsplit("/", 1)[-1],
        "reference": reference.get("reference", "the SFT model with the adapter off"),
        "model sha256": reference.get("model_sha256", "no run has begun"),
        "data": {
            role: {"file": file["path"].rsplit("/", 1)[-1], "sha256": file["sha256"], "refused": file["refused"]}
            for role, file in detail.provenance.get("data", {}).items()
        },
    }


def _budget(detail: StudyDetail, key: str) -> int | str:
    if buys_all(key):
        return "the whole pool, in one round"
    if share := detail.seen_by(key, "label_share"):
        return f"{share:.0%} of the pool a round, {detail.seen_by(key, 'rounds')} in all"
    return int(detail.seen_by(key, "rounds") * detail.seen_by(key, "labels_per_round"))


def _one_or_each(values: Mapping[str, Any]) -> Any:
    """What all arms have in common; else every arm's own, by key."""
    every = list(values.values())
    return every[0] if every and all(value == every[0] for value in every) else dict(values)


def _once(rows: Sequence[Row]) -> tuple[list[Row], dict[str, int]]:
    """Each pair once: the earliest round's answer; a skip stands only where there is nothing else."""
    counts = Counter({"asked": len(rows), "exported": 0, "ties": 0, "both bad": 0, "skipped": 0, "asked again": 0})
    stands: dict[str, Row] = {}
    for row in sorted(rows, key=lambda r: (r["answer"] == "skip", r["round"])):
        stands.setdefault(row["pair_id"], row)
    kept = []
    for row in rows:
        answer = row["answer"]
        if stands[row["pair_id"]] is not row:
            counts["asked again"] += 1
            counts["asked again, other answer"] += answer not in ("skip", stands[row["pair_id"]]["answer"])
        elif answer in ("a", "b"):
            counts["exported"] += 1
            kept.append(row)
        else:
            counts[{"tie": "ties", "both_bad": "both bad", "skip": "skipped"}[answer]] += 1
    return kept, dict(counts)


def _turns(row: Row) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in row["messages"]]


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _audit(row: Row) -> dict[str, Any]:
    wanted = ("prompt", "response_a", "response_b", "answer", "source_a", "source_b", *EXTRA)
    flat = {**row, "prompt": json.dumps(_turns(row), ensure_ascii=False)}
    return {name: flat[name] for name in wanted}


def _jsonl(table: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table).encode("utf-8", "surrogatepass")


def _parquet(table: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in table]), sink)
    return sink.getvalue()


def _csv(table: Sequence[Mapping[str, Any]]) -> bytes:
    sink = io.StringIO()
    # RFC 4180's line ends: with them Python 3.11 quotes every text that holds a line break of any kind.
    writer = csv.DictWriter(sink, list(table[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(table)
    return sink.getvalue().encode("utf-8", "surrogatepass")


def _guarded(row: Mapping[str, Any]) -> dict[str, Any]:
    """For people who open the CSV in a spreadsheet: a cell that begins like a formula gets an apostrophe."""
    return {k: f"'{v}" if isinstance(v, str) and v[:1] in tuple("=+-@\t\r") else v for k, v in row.items()}


_WRITERS: dict[str, Callable[[Sequence[Mapping[str, Any]]], bytes]] = {
    "jsonl": _jsonl,
    "parquet": _parquet,
    "csv": _csv,
}


def _card(file: str, n: int, profile: str, counts: Mapping[str, int], about: Mapping[str, Any]) -> str:
    """A data set card: YAML for machines, then where it came from for people."""
    import yaml

    size = next((s for limit, s in ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K")) if n < limit), "100K<n<1M")
    head = {
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": file}]}],
        "size_categories": [size],
        "tags": ["preference", "dpo", "human-feedback" if about.get("people") else "synthetic-feedback"],
    }
    lines = ["---", yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(), "---", ""]
    lines += [f"# Labelled subset of study {_code(about.get('study', 'without a name'))}", ""]
    lines += [f"Profile `{profile}`: {profiles()[profile]}. {n:,} rows.", ""]
    lines += ["| of the pairs asked | pairs |", "|---|---|"]
    lines += [f"| {what} | {count:,} |" for what, count in counts.items()]
    lines += ["", "| | |", "|---|---|"]
    lines += [f"| {key} | {_code(value)} |" for key, value in about.items() if key not in ("study", "people")]
    lines += [
        "",
        "`provenance.jsonl` has one line for every answer that was asked for: pair, round, rank, score, oracle.",
        "",
    ]
    return "\n".join(lines)


def _code(value: Any) -> str:
    """A value as code, so that markdown in it stays text."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return "`" + text.replace("`", "'").replace("\n", " ").replace("|", "\\|") + "`"
