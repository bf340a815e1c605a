"""Stage events to rows and files and back, bit for bit.

Small things go into the stage's `detail` (JSON), arrays and long lists into files: scalar signals and scores of every
pair, features of the picks, the adapter, the steps of training, the margins of held-out pairs. Signals that are vectors
are not kept: they live in the cache, and are computed again when a stage needs them. Responses that were drawn are
never drawn again: the row of their stage names them, so that a file that is lost can be made from the tables of texts.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from engine.records import (
    Evaluated,
    Event,
    Label,
    Labelled,
    Metric,
    Pair,
    Pick,
    Picked,
    Pooled,
    Response,
    Scored,
    SignalArray,
    Spent,
    Trained,
)
from engine.store.files import pack, unpack

_SCORES = "__scores"
POOL = "pairs.json"
PROBE = "probe.json"


def files_of(event: Event) -> dict[str, bytes]:
    """File name → content."""
    if isinstance(event, Pooled):
        pairs = [[p.id, p.prompt_id, p.a, p.b] for p in event.made_pairs]
        made = [[r.id, r.prompt_id, r.text, r.source] for r in event.made]
        return {POOL: _json({"ids": list(event.pair_ids), "pairs": pairs, "made": made})}
    if isinstance(event, Scored):
        arrays = {signal.name: signal.values for signal in event.signals if signal.values.ndim == 1}
        if event.scores is not None:
            arrays[_SCORES] = event.scores
        ids = {signal.name: list(signal.ids) for signal in event.signals if signal.values.ndim == 1}
        return {"signals.safetensors": pack(arrays), "ids.json": _json(ids)}
    if isinstance(event, Picked):
        return {"features.safetensors": pack(event.features)}
    if isinstance(event, Trained):
        return {"adapter.safetensors": pack(event.adapter), "steps.json": _json([dict(step) for step in event.steps])}
    if isinstance(event, Evaluated):
        answers = [[r.id, r.prompt_id, r.text, r.source] for r in event.generations]
        files = {"margins.safetensors": pack(event.outcomes), "generations.json": _json(answers)}
        files |= {"measured.json": _json(event.measured)} if event.measured else {}
        return files | ({PROBE: _json(event.probed)} if event.probed else {})
    return {}


def detail_of(event: Event) -> dict[str, Any]:
    """What of the event stands in its row."""
    if isinstance(event, Pooled):
        drawn = {"responses": [[r.id, r.source] for r in event.made], "pairs": list(event.pair_ids)}
        return {"dropped": dict(event.dropped), **({"drawn": drawn} if event.made else {})}
    if isinstance(event, Scored):
        return {
            "notes": list(event.notes),
            "signals": [
                {"name": s.name, "axis": s.axis, "unit": s.unit, "made_on": s.made_on, "kept": s.values.ndim == 1}
                for s in event.signals
            ],
        }
    if isinstance(event, Picked):
        picks, own = (
            [[p.pair_id, p.rank, p.score, p.gain, dict(p.why)] for p in them] for them in (event.picks, event.own)
        )
        seldom = {
            "pseudo": dict(event.pseudo), "own": own, "shadow": {k: list(v) for k, v in event.shadow.items()},
            "shadow_ranks": {k: dict(v) for k, v in event.shadow_ranks.items()},
        }  # fmt: skip
        return {"warm_up": event.warm_up, "picks": picks, **{name: value for name, value in seldom.items() if value}}
    if isinstance(event, Labelled):
        labels = [[x.pair_id, x.answer, x.oracle, dict(x.detail)] for x in event.labels]
        return {"labels": labels, "reused": event.reused}
    if isinstance(event, Trained):
        found: dict[str, Any] = {"labels_used": event.labels_used, "adapter_hash": event.adapter_hash}
        found |= {"dropped": dict(event.dropped)} if event.dropped else {}
        reached = [step["nonzero_gradients"] for step in event.steps if "nonzero_gradients" in step]
        found |= {"nonzero_gradients": [reached[0], reached[-1]]} if reached else {}  # of the first step and the last
        return found | ({"pseudo": event.pseudo} if event.pseudo else {})
    figures = {"metrics": [[m.name, m.split, m.value, m.n, m.unit] for m in event.metrics]}
    return figures | ({"left_out": {k: dict(v) for k, v in event.left_out.items()}} if event.left_out else {})


def drawn_file(drawn: Mapping[str, Any], responses: Mapping[str, Response], pairs: Mapping[str, Pair]) -> bytes:
    """The file of a drawn pool from what its row names and the texts by id; KeyError if one of them is not there."""
    made = tuple(replace(responses[response_id], source=source) for response_id, source in drawn["responses"])
    pooled = Pooled(0, tuple(drawn["pairs"]), made, tuple(pairs[pair_id] for pair_id in drawn["pairs"]))
    return files_of(pooled)[POOL]


def event_of(stage: str, number: int, detail: Mapping[str, Any], spent: Spent, files: Mapping[str, bytes]) -> Event:
    """The event that was saved. Of a Scored event only the scalar signals come back."""
    if stage == "pooled":
        body = json.loads(files[POOL])
        pairs = tuple(Pair(*row) for row in body["pairs"])
        made = tuple(Response(*row) for row in body["made"])
        return Pooled(number, tuple(body["ids"]), made, pairs, detail["dropped"], spent)
    if stage == "scored":
        arrays, ids = unpack(files["signals.safetensors"]), json.loads(files["ids.json"])
        signals = tuple(
            SignalArray(s["name"], s["axis"], tuple(ids[s["name"]]), arrays[s["name"]], s["unit"], s["made_on"])
            for s in detail["signals"]
            if s["kept"]
        )
        return Scored(number, signals, arrays.get(_SCORES), tuple(detail["notes"]), spent)
    if stage == "picked":
        picks, own = (tuple(Pick(*row) for row in rows) for rows in (detail["picks"], detail.get("own", ())))
        kept, pseudo = unpack(files["features.safetensors"]), detail.get("pseudo", {})
        shadow = {name: tuple(ids) for name, ids in detail.get("shadow", {}).items()}
        ranks = detail.get("shadow_ranks", {})
        return Picked(number, picks, detail["warm_up"], kept, spent, pseudo, own, shadow, ranks)
    if stage == "labelled":
        return Labelled(number, tuple(Label(*row) for row in detail["labels"]), detail["reused"], spent)
    if stage == "trained":
        adapter, steps = unpack(files["adapter.safetensors"]), tuple(json.loads(files["steps.json"]))
        used, left_out = detail["labels_used"], detail.get("dropped", {})
        return Trained(number, adapter, steps, used, detail["adapter_hash"], spent, left_out, detail.get("pseudo", 0))
    margins: dict[str, np.ndarray] = unpack(files["margins.safetensors"])
    answers = tuple(Response(*row) for row in json.loads(files["generations.json"]))
    measured = {
        name: tuple((row[0], row[1], row[2]) for row in rows)
        for name, rows in json.loads(files.get("measured.json", b"{}")).items()
    }
    figures, left_out = tuple(Metric(*row) for row in detail["metrics"]), detail.get("left_out", {})
    probed = json.loads(files.get(PROBE, b"{}"))
    return Evaluated(number, figures, margins, answers, spent, measured, left_out, probed)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
