"""The card of an export: YAML for machines, then where the rows come from, for people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.data.answers import Rule, Settled
from engine.data.profiles.base import Profile

LIMITS = (
    "A subset that a strategy chose is no random sample of its pool: shares and means of it say nothing of the pool.",
    "It was chosen for the model named here; for another model another subset may be worth more.",
    "Only a and b train. Ties, both bad and skips are counted above, and every answer stands in the sidecar.",
)
NUMBERS = ("score", "seconds", "seed", "lead_time")
"""Columns that hold a number where they hold anything: where nobody gave one, nothing tells it from their rows."""


def card(
    file: str,
    rows: Sequence[Mapping[str, Any]],
    profile: Profile,
    settled: Settled,
    about: Mapping[str, Any],
    *,
    licence: str = "",
) -> str:
    """README.md; `about` as `engine.data.export.about.about_study` gives it, or any words by what they are."""
    import yaml

    table = table_of(rows)
    head = {
        "license": licence or "unknown",
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": _path(file)}]}],
        "dataset_info": {
            "features": features(table),
            "splits": [{"name": "train", "num_bytes": table.nbytes, "num_examples": len(rows)}],
        },
        "size_categories": [_size(len(rows))],
        "task_categories": ["text-generation"],
        "tags": ["preference", "dpo", *([f"{about['feedback']}-feedback"] if about.get("feedback") else [])],
    }
    lines = ["---", yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(), "---", ""]
    lines += [f"# Labelled subset of study {in_code(about.get('study', 'without a name'))}", ""]
    lines += [f"Profile `{profile.name}`: {profile.summary()} {len(rows):,} rows in `{file}`.", ""]
    lines += _table(("of the pairs asked", "pairs"), [(what, f"{n:,}") for what, n in settled.counts.items()])
    lines += [*(f"Excluded, {reason}: {n:,}." for reason, n in settled.excluded.items()), *_answers(settled)]
    plain = [(key, in_code(value)) for key, value in about.items() if key not in ("study", "feedback", *_APART)]
    lines += _table(
        ("", ""), [*plain, ("licence of the data", in_code(licence or "not recorded; ask where it is from"))]
    )
    lines += _curve(about.get("curve", ()))
    if about.get("verdict"):
        lines += ["## Verdict", "", *(f"* {in_code(line)}" for line in about["verdict"]), ""]
    lines += ["## Known limits", "", *(f"* {line}" for line in (*LIMITS, *about.get("limits", ()))), ""]
    lines += ["`provenance.jsonl` has a line for every pair that was asked about: picks, scores, answers, times.", ""]
    if about.get("edits"):
        lines += ["`edits.jsonl` has a line for every batch that people changed: its own list, and each edit."]
        lines += [""]
    return "\n".join(lines)


VOTES: Mapping[Rule, str] = {
    "majority": "Votes: majority; an even one, or nothing but skips, is unresolved.",
    "unanimity": "Votes: only where all agree; answers that differ, or nothing but skips, are unresolved.",
    "first": "Votes: the first answer to a pair counts alone; nothing but skips is unresolved.",
}
"""What several answers to a pair came to."""
_APART = ("curve", "verdict", "limits", "edits")


def _path(file: str) -> str:
    """What `datasets` loads: the file, or the Arrow files of a saved folder."""
    return file if "." in file else f"{file}/*.arrow"


def _size(n: int) -> str:
    bounds = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"))
    return next((words for limit, words in bounds if n < limit), "1M<n<10M")


def _answers(settled: Settled) -> list[str]:
    """How many answers, how sure they are, and skips."""
    preferred = settled.preferred
    several = [p for p in preferred if len(p.votes) > 1]
    rule = settled.pairs[0].rule if settled.pairs else "majority"
    lines = [f"Skips: {settled.skips:,} answers. {VOTES[rule]}"]
    if several:
        mean = sum(p.agreement for p in several) / len(several)
        return [*lines, f"Agreement: {mean:.3f}, the mean share of the majority over {len(several):,} pairs with "
                        "several answers.", ""]  # fmt: skip
    return [*lines, "Agreement: not known, no exported pair has more than one answer.", ""]


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows), ""]


def _curve(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The learning curve, a line a strategy and round."""
    if not rows:
        return []
    head = list(rows[0])
    lines = ["## Curve", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return [*lines, *(f"| {' | '.join(_cell(row[name]) for name in head)} |" for row in rows), ""]


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else in_code(value) if isinstance(value, str) else f"{value:,}"


def features(table: Any) -> list[dict[str, Any]]:
    """The columns of an Arrow table and their types, as `datasets` writes them in a card."""
    return [{"name": field.name, **_kind(field.type)} for field in table.schema]


def table_of(rows: Sequence[Mapping[str, Any]]) -> Any:
    """The rows as an Arrow table; a column without any value is a number or a text, as its name says."""
    import pyarrow as pa

    table = pa.Table.from_pylist([dict(row) for row in rows])
    for n, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            kind = pa.float64() if field.name in NUMBERS else pa.string()
            table = table.set_column(n, field.name, table.column(n).cast(kind))
    return table


def _kind(kind: Any) -> dict[str, Any]:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return {"struct": list(_fields(kind))}
    if pa.types.is_list(kind):
        inner = _kind(kind.value_type)
        return {"list": inner.get("dtype", inner.get("struct", inner))}
    names = {"double": "float64", "bool": "bool", "string": "string", "int64": "int64"}
    return {"dtype": names.get(str(kind), str(kind))}


def _fields(kind: Any) -> Iterator[dict[str, Any]]:
    for n in range(kind.num_fields):
        field = kind.field(n)
        yield {"name": field.name, **_kind(field.type)}


def in_code(value: Any) -> str:
    """A value as code, so that markdown in it stays text."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | tuple) else str(value)
    return "`" + text.replace("`", "'").replace("\r", " ").replace("\n", " ").replace("|", "\\|") + "`"
