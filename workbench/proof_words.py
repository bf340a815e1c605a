"""The proof of a file in words, for a terminal: format, rows, every finding with its sentence, lengths, first rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.wording import count, integer, number, percent

MARKS = {"ok": "ok  ", "note": "note", "warn": "LOOK"}
TONES = {"ok": "ok", "note": "neutral", "warn": "warn"}
"""Tone of a finding → tone of its chip on screen."""
SHOWN = 12
"""Row numbers that a finding names in a terminal."""
CUT = 160


def proof_lines(proof: Mapping[str, Any]) -> list[str]:
    """What `Proof.summary` says, as lines for people; foreign text in them is still to be made printable."""
    said = ", ".join(f"{n:,} × {answer}" for answer, n in proof["recorded_answers"].items()) or "none recorded"
    lines = [
        str(proof["path"]),
        f"  format   {proof['format']}: {proof['why']}",
        f"  rows     {proof['rows']:,}, of which {len(proof['refused']):,} cannot be used",
        "  read     " + ", ".join(count(proof[f"{what}s"], what) for what in ("prompt", "response", "pair")),
        f"  answers  {said}",
        *(f"  {what:<8} {length_words(proof['lengths'][what])}" for what in ("prompt", "response")),
    ]
    lines += [f"  left out {n:,} × {what}" for what, n in proof["dropped"].items()]
    lines += (
        [f"  repeated {proof['repeated_rows']:,} rows say what an earlier row says"] if proof["repeated_rows"] else []
    )
    for finding in proof["findings"]:
        lines.append(f"  {MARKS[finding['tone']]} {finding['title']}: {finding_words(finding)}")
    for shown in proof["first"]:
        lines += ["", f"  row {shown['row']:,} as it was understood", *_turns(shown)]
    lines += [""] if proof["refused"] else []
    for item in proof["refused"]:
        lines.append(f"  row {item['row']:,}: {item['reason']}" + (f" ({item['detail']})" if item["detail"] else ""))
    return lines


def finding_words(finding: Mapping[str, Any]) -> str:
    """ "34 of 2,339 prompts. In 14 groups … Rows 155, 200, …"."""
    head = f"{share_words(finding)}." if finding["of"] else ""
    named = list(dict.fromkeys(row for row, _ in finding["rows"]))
    numbers = [integer(row) for row in named[:SHOWN]]
    more = ", …" if finding["found"] > len(finding["rows"]) or len(named) > SHOWN else ""
    rows = f"{'Row' if len(numbers) == 1 and not more else 'Rows'} {', '.join(numbers)}{more}." if numbers else ""
    said = "" if head and finding["words"] == "None." else finding["words"]
    return " ".join(filter(None, (head, said, rows)))


def share_words(finding: Mapping[str, Any]) -> str:
    """ "34 of 2,339 prompts (1.5 %)", or "none of 2,339 prompts"."""
    found, of, unit = finding["found"], finding["of"], finding["unit"]
    if not found:
        return f"none of {integer(of)} {unit}"
    if found == of:
        return f"all {integer(of)} {unit}" if of > 1 else f"the only {unit.removesuffix('s')}"
    share = f" ({percent(found / of)})" if found / of >= 0.0005 else ""
    return f"{integer(found)} of {integer(of)} {unit}{share}"


def length_words(lengths: Mapping[str, Any]) -> str:
    """ "151 characters in the median, 90 % between 22 and 619, the longest 3,607"."""
    if not lengths["n"]:
        return "none"
    at = lengths["quantiles"]
    return (
        f"{number(at['0.5'], 0)} characters in the median, 90 % between {number(at['0.05'], 0)} and "
        f"{number(at['0.95'], 0)}, the longest {integer(lengths['max'])}"
    )


def leakage_words(same: int, near: int, of: int) -> str:
    """What a held-out file shares with this one."""
    if not same and not near:
        return f"none of the {count(of, 'held-out prompt')} is in this file, or near one of it"
    return (
        f"of the {count(of, 'held-out prompt')}, in this file too: {integer(same)}; near another prompt of it: "
        f"{integer(near)}"
    )


def token_lines(proof: Mapping[str, Any]) -> list[str]:
    """What the task `prove_tokens` answered, as lines."""
    at, of = proof["response_tokens"], proof["n"]
    lines = [
        f"  tokens   by {proof['tokenizer']}: prompts {at_words(proof['prompt_tokens'])}; responses {at_words(at)}",
        f"  context  {proof['over']:,} of {of:,} responses (a sample of {proof['sample']:,} rows) do not fit with "
        f"their prompt into {proof['context_tokens']:,} tokens",
    ]
    if proof["over_rows"]:
        lines.append(f"           rows {', '.join(integer(row) for row in proof['over_rows'][:SHOWN])}")
    lines += [f"  LOOK row {row:,}: {why}" for row, why in proof["refused_rows"]]
    for view in proof["views"]:
        lines += ["", f"  row {view['row']:,} as the model reads it"]
        if not view["fits"]:
            lines.append(f"    {view['why']}")
            continue
        parts = {part: "".join(f"[{text}]" for text, kind in view["tokens"] if kind == part) for part in PARTS}
        lines += [f"    {part} ({view[part]:,}): {_cut(text, 600)}" for part, text in parts.items()]
        lines.append(f"    {special_words(view)}")
    return lines


PARTS = ("prompt", "response")


def special_words(view: Mapping[str, Any]) -> str:
    """How often the tokens that begin and end a text stand where they should: once is right."""
    (bos, begins), (eos, ends) = view["bos"], view["eos"]
    first = {0: f"without {bos}" if bos else "without a token that begins it", 1: f"with one {bos}"}
    return (
        f"begins {first.get(begins, f'with {bos} twice: the template and the tokenizer both add it')}, ends with "
        f"{f'one {eos}' if ends == 1 else f'{eos} {ends} times'}"
    )


def at_words(at: Mapping[str, float]) -> str:
    """ "170 in the median, the longest 1,527"."""
    return f"{number(at['0.5'], 0)} in the median, the longest {integer(at['max'])}"


def _turns(shown: Mapping[str, Any]) -> list[str]:
    lines = [f"    {role}: {_cut(text)}" for role, text in shown["messages"]]
    better = better_of(shown["answers"], len(shown["responses"]))
    for n, (text, source, score) in enumerate(shown["responses"]):
        about = ", ".join(filter(None, [better[n], source, f"score {number(score)}" if score is not None else ""]))
        lines.append(f"    → {n + 1}{f' ({about})' if about else ''}: {_cut(text)}")
    return lines


def better_of(answers: Sequence[Sequence[Any]], n: int) -> list[str]:
    """Of each response of a row "better in 2 of 3", "tie" where all its answers are; "" without answers."""
    said = []
    for place in range(n):
        mine = [(first, second, answer) for first, second, answer, *_ in answers if place in (first, second)]
        wins = sum((a == "first" and f == place) or (a == "second" and s == place) for f, s, a in mine)
        if mine and all(a == "tie" for _, _, a in mine):
            said.append("tie")
        else:
            said.append(f"better in {wins} of {len(mine)}" if mine else "")
    return said


def _cut(text: str, length: int = CUT) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"
