"""Every row of the benchmarks runs at a tiny size and agrees with what it is compared with; no time is judged here."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.settings import ModelSettings
from tests.bench import (
    _engine,
    _less,
    _models,
    _trl,
    cache,
    distances,
    dpo,
    facility,
    gpu,
    gradient,
    reading,
    scaling,
    signals,
)
from tests.bench.__main__ import measured
from tests.bench._harness import Disagreement, Outcome, agree, has_failed, is_there
from tests.bench._svg import Line, panels
from tests.bench.gpu._machine import Machine, opened

RATIO = re.compile(r"^(C\d+|G\d+) .*: \d+\.\d × .*peak memory")


@pytest.fixture(autouse=True)
def _bars_stay_as_they_were() -> Iterator[None]:
    from transformers.utils import logging

    before = logging.is_progress_bar_enabled()
    yield
    assert logging.is_progress_bar_enabled() == before


def ratios(lines: list[str]) -> list[str]:
    """The numbers of the rows that give a ratio."""
    return [found[1] for line in lines if (found := RATIO.match(line))]


def test_an_epoch_of_dpo_and_its_reference() -> None:
    pytest.importorskip("trl", reason="a development dependency")
    assert ratios(dpo.epoch(_models.TINY, 16, quick=True)) == ["C1", "C1"]
    assert ratios(dpo.reference(_models.TINY, 8, quick=True)) == ["C2"]


def test_an_epoch_that_arrives_elsewhere_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trl", reason="a development dependency")
    honest = _trl.arrived
    monkeypatch.setattr(_trl, "arrived", lambda made: {name: w + 2e-4 for name, w in honest(made).items()})
    with pytest.raises(Disagreement, match="weights from TRL's default"):
        dpo.epoch(_models.TINY, 8, quick=True)


def test_signals_and_dtypes() -> None:
    assert ratios(signals.one_pass(_models.TINY, 4, quick=True)) == ["C3", "C3"]
    assert ratios(signals.dtypes(_models.TINY, 8, quick=True)) == ["C9"]
    assert ratios(signals.dtypes(_models.TINY)) in ([], ["C9"])


def test_gradients() -> None:
    assert ratios(gradient.whole(_models.TINY, 4, quick=True)) == ["C5"]
    lines = gradient.projected(_models.TINY, 6, quick=True)
    assert ratios(lines) == ["C4", "C4"] or lines == ["C4 gradient signal: skipped: traker is not installed"]


def test_gradients_of_other_texts_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = _less.exact
    monkeypatch.setattr(_less, "exact", lambda policy, texts: honest(policy, texts)[::-1])
    with pytest.raises(Disagreement, match="relative error of a gradient"):
        gradient.whole(_models.TINY, 4, quick=True)


def test_every_gpu_row_runs_on_the_cpu() -> None:
    lines = gpu.run("cpu", tiny=True)
    assert lines[1].startswith("G0 CPU: float32 product")
    assert {line.split()[0] for line in lines[1:]} == {f"G{number}" for number in range(11)}
    assert not has_failed(lines)
    theirs = ["G4", "G4"] if is_there("trl") else []
    assert ratios(lines)[-8 - len(theirs) :] == ["G1", "G2", "G3", "G3", *theirs, "G9", "G7", "G8", "G8"]


def test_a_row_that_disagrees_is_kept_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "SHAPES", ())
    for bench in (gpu.attention, gpu.head, gpu.lora):
        monkeypatch.setattr(bench, "rows", lambda on: ["a row"])
    monkeypatch.setattr(gpu.launches, "rows", lambda on: [agree("error", 2, 1)])
    monkeypatch.setattr(gpu.selection, "measure_on", lambda device, *pool, quick: ["the last"])
    lines, agreed = measured(lambda: gpu.run("cpu", tiny=True))
    wrong = "FAILED, the ways compared do not agree: launches: error: 2, at most 1 is allowed"
    assert lines[2:] == ["a row", "a row", "a row", wrong, "the last"]
    assert not agreed
    assert measured(lambda: ["a row"]) == (["a row"], True)
    assert measured(lambda: [agree("error", 2, 1)]) == ([wrong.replace("launches: ", "")], False)


def test_designs_and_a_second_strategy() -> None:
    assert ratios(distances.measure(500, 64, 4, quick=True)) in (["C7", "C7"], [])  # none without scikit-learn
    lines = facility.measure(300, 16, 8, quick=True)
    assert ratios(lines) == ["C8"] * 8
    assert re.search(r"similarities given: .*limit .*from features \d+\.\d ×", lines[1])
    assert ratios(cache.measure(22, quick=True)) == ["C10"]


def test_the_dense_peer_is_the_definition() -> None:
    features = np.random.default_rng(0).normal(size=(700, 5))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    kernel, exact = facility.similarities(features), np.abs(unit @ unit.T)
    np.testing.assert_allclose(kernel, exact, atol=1e-6)
    picked = [3, 600]
    rise = np.maximum(exact - exact[picked].max(axis=0), 0).sum(axis=1)
    assert facility.asking_all(kernel, kernel[picked].max(axis=0), picked) == int(np.argmax(rise))


def test_a_head_or_a_pair_that_is_wrong_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    on, scores, differences = Machine("cpu", True, 1.0, 1.0), _engine.head_scores, _engine.difference_gradients
    monkeypatch.setattr(_engine, "head_scores", lambda *given: (scores(*given)[0], 1.001 * scores(*given)[1]))
    with pytest.raises(Disagreement, match="our tiles: entropies"):
        gpu.head.rows(on)
    monkeypatch.setattr(_engine, "difference_gradients", lambda *given: differences(*given)[::-1])
    with opened(on, "0.5B") as model, pytest.raises(Disagreement, match="difference of its responses"):
        gpu.gradients.model_rows(on, model)


def test_a_drawing_that_is_not_by_distance_fails() -> None:
    pytest.importorskip("sklearn", reason="a development dependency")
    assert "mean potential" in distances.drawn_alike()
    with pytest.raises(Disagreement, match="clusters"):
        distances.drawn_alike(
            lambda features, k, seed: list(np.random.default_rng(seed).permutation(len(features))[:k])
        )


def test_larger_pools_are_drawn_with_their_exponents() -> None:
    sizes = (4, 12)
    found = scaling.pools(sizes, dimension=16)
    lines = scaling.report(sizes, found)
    assert [line.partition(":")[0] for line in lines[2:]] == list(scaling.STAGES)
    assert all("time as pairs to the" in line for line in lines[2:])
    drawn = ET.fromstring(scaling.picture(sizes, found))
    words = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("selection") == 2 and "seconds" in words and words.count("pairs") == 2
    unseen = {stage: [replace(one, peak_mb=None) for one in outcomes] for stage, outcomes in found.items()}
    assert "memory" not in scaling.picture(sizes, unseen)
    unseen["scoring"][1] = replace(unseen["scoring"][1], peak_mb=30.0)
    drawn = ET.fromstring(scaling.picture(sizes, unseen))
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 3  # two of its seconds, one of its memory
    made = [Outcome("", (seconds,), None, None) for seconds in (2.0, 200.0)]
    assert scaling.exponent((10, 1_000), made) == pytest.approx(1.0)


def test_a_point_stands_where_its_logarithms_say() -> None:
    lines = [Line("a & b", (10, 1_000), (1, 100)), Line("close", (10, 1_000), (1, 99))]
    drawn = ET.fromstring(panels("<t>", [("x", "y", lines)]))
    ends = [
        float(t.attrib["y"]) for t in drawn.iter("{http://www.w3.org/2000/svg}text") if t.text in ("a & b", "close")
    ]
    assert ends[1] - ends[0] == 14  # names do not stand on each other
    circles = [c.attrib for c in drawn.iter("{http://www.w3.org/2000/svg}circle")]
    assert [(float(c["cx"]), float(c["cy"])) for c in circles] == [(0.0, 300.0), (340.0, 0.0)]


def test_weights_and_tokens_are_counted_as_they_are(tmp_path: Path) -> None:
    folder = _models.save_model(tmp_path, _models.TINY)
    policy = _models.load(folder, _models.TINY)
    width, inner = 32, 32 * 43 // 16
    layers, head = _models.matmul_parameters(policy)
    assert (layers, head) == (2 * (4 * width**2 + 3 * width * inner), 512 * width)
    texts = _models.encoded(policy, _models.pairs(3))
    prompts, scored = (sum(map(len, ids)) for ids in zip(*((t.prompt_ids, t.response_ids) for t in texts), strict=True))
    shared = prompts // 2 + scored
    assert _models.useful_tokens(texts) == shared
    assert _models.floor_flops(policy, texts, 2) == 4 * (layers * shared + head * scored)
    again = load_policy(ModelSettings(path=str(folder), device="cpu"), seed=1)
    assert torch.equal(policy.model.get_base_model().lm_head.weight, again.model.get_base_model().lm_head.weight)


def test_the_four_signals_are_the_engines_own(tiny_policy: Policy) -> None:
    texts = _models.encoded(tiny_policy, _models.pairs(2, _models.Lengths(8, 8)))
    found = _engine.separate_passes(tiny_policy, texts)
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(found, 4)
    assert np.isfinite(np.concatenate([values.ravel() for values in found.values()])).all()


def test_reading_says_its_speed_and_fails_over_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = reading.measure((300, 600))
    ways = ["into the store", "proved, without near-duplicates", "proved, with near-duplicates (MinHash)"]
    assert [next(way for way in ways if f" {way}" in line) for line in lines[:6]] == ways * 2
    assert all(re.search(r"rows/s, \d+ s, \d+ µs of CPU a row.*peak [\d,]+ MiB$", line) for line in lines[:6])
    assert lines[6].startswith("peak memory grows by ") and lines[7].startswith("peak memory in MiB")
    monkeypatch.setattr(reading, "MOST_MIB", 1)
    monkeypatch.setattr(reading, "PROVED", 0)
    with pytest.raises(Disagreement, match="peak memory in MiB"):
        reading.measure((300,))
