"""The batch of a round: what the strategy picks, and as a person left it, each with what later rounds need."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.arms import recipe_of
from engine.data.pool import PoolView, rows_of
from engine.records import Pick, Picked, SignalArray
from engine.selection.execute import execute
from engine.selection.footprint import told
from engine.selection.recipes import Uniform

if TYPE_CHECKING:
    from engine.stages import Run


def picked(run: "Run", number: int) -> Picked:
    """The batch of the strategy, or in a warm-up round the same random pairs for every strategy of the seed."""
    view, signals = seen(run, number)
    if run.warm_up(number):
        return _kept(run, number, execute(Uniform(), view), view, signals)
    recipe = recipe_of(run.strategy, run.config.arm, view)
    run.say(f"round {number}, {told(recipe, view)}")
    device = str(run.policy.device) if run.policy.device.type == "cuda" else None
    event = _kept(run, number, execute(recipe, view, run.inputs.check, device), view, signals)
    beside = {name: shadow.picks(run, number, event.picks) for name, shadow in run.shadows.items()}
    return replace(
        event,
        shadow={name: own for name, (own, _) in beside.items()},
        shadow_ranks={name: ranks for name, (_, ranks) in beside.items() if ranks},
    )


def reviewed(run: "Run", event: Picked) -> Picked | None:
    """The batch that is labelled: the event itself where nobody changed anything; None while it has to be reviewed.

    A changed one keeps the strategy's list as `own`. Its features are those of the pairs it now holds, of the pass that
    the strategy picked by; nothing is drawn for it, so later rounds differ by the pairs alone.
    """
    if event.own:
        return event
    picks = run.inputs.edited(event.round, event.picks)
    if picks is None:
        return None
    if [pick.pair_id for pick in picks] == [pick.pair_id for pick in event.picks]:
        return event
    view, signals = seen(run, event.round)
    now = _kept(run, event.round, picks, view, signals)
    return replace(now, own=event.picks, spent=event.spent, shadow=event.shadow, shadow_ranks=event.shadow_ranks)


def seen(run: "Run", number: int) -> tuple[PoolView, Mapping[str, SignalArray]]:
    """What the strategy sees of a round, and its signals by name; a warm-up round has none for the whole pool."""
    if run.warm_up(number):
        pool = run.candidates()
        one = run.study.one_per_prompt
        return PoolView(pool, {}, k=run.k(pool), seed=run.seed, round_number=number, one_per_prompt=one), {}
    assert run.scored_now is not None  # noqa: S101 - the stage before
    at_hand = {signal.name: signal for signal in run.scored_now.signals}
    texts = run.signals.texts(run.candidates())
    together = run.signals.reads(run.read(number))  # the key of what the stage before read
    signals = {
        name: at_hand.get(name) or run.signals.signal(name, texts, number, together)
        for name in sorted(run.strategy.needs)
    }
    return run.view(number, signals), signals


def _kept(run: "Run", number: int, picks: Sequence[Pick], view: PoolView, signals: Mapping[str, SignalArray]) -> Picked:
    """With the signals of the picks for later rounds, and the answers that the strategy gives itself to other pairs."""
    pairs, warm_up = [run.pairs[pick.pair_id] for pick in picks], run.warm_up(number)
    if warm_up:
        texts = run.signals.texts(sorted(pairs, key=lambda pair: pair.id))
        signals = {name: run.signals.signal(name, texts, number) for name in sorted(run.strategy.needs)}
    features = {name: signal.values[rows_of(signal, pairs)] for name, signal in signals.items()}
    for shadow in run.shadows.values():
        features |= shadow.kept(pairs, number)
    own = {} if warm_up else run.strategy.pseudo(view)
    asked = {pair.id for pair in pairs}
    pseudo = {pair_id: own[pair_id] for pair_id in sorted(own) if pair_id not in asked}
    return Picked(number, tuple(picks), warm_up, features, pseudo=pseudo)
