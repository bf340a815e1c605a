"""The parts of a study: model, data, regime, training, evaluation, referee. Every field has a unit or a choice."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from engine.guardrails.base import GUARDRAILS, Guardrail
from engine.records import PrimaryMetric
from engine.registry import spec_of

AnyGuardrail = Annotated[Guardrail, BeforeValidator(GUARDRAILS.build), PlainSerializer(spec_of)]


class Settings(BaseModel):
    """Frozen, and nothing in it that is not a field."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class LoraSettings(Settings):
    """The adapter that DPO trains; the base model never changes."""

    rank: int = Field(16, ge=1, le=1024, description="r: width of the update of each weight matrix")
    alpha: float = Field(32, gt=0, description="the update is scaled by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of adapter inputs set to 0 in training")
    targets: tuple[str, ...] | Literal["all-linear"] = Field(
        "all-linear", description="names of the layers that get an adapter"
    )


class ModelSettings(Settings):
    """The SFT model: start of every policy, and with the adapter off the reference of every round."""

    path: str = Field(min_length=1, description="folder or hub id of a causal language model with safetensors weights")
    revision: str | None = Field(None, description="commit of a hub id")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="of the base weights; LoRA stays float32")
    context_tokens: int | None = Field(None, ge=8, description="longest prompt + response; default: the model's own")
    lora: LoraSettings = LoraSettings()


class DataSettings(Settings):
    """The file or files of a study. Held-out pairs are never picked."""

    pool: str = Field(min_length=1, description="path or hub id of the candidate pairs")
    format: str | None = Field(
        None, description="name of a data format, or path of a mapping (.yaml); default: detected from the first rows"
    )
    held_out: dict[str, str] = Field(
        default_factory=dict, description="name → path of held-out sets; the first is the primary one"
    )
    held_out_share: float = Field(
        0.2, gt=0, lt=1, description="share of prompts split off as held-out where no held_out file is named"
    )
    held_out_strata: Literal["topic", "source", "language"] | None = Field(
        None, description="every topic, source of responses or language has its share on both sides of the split"
    )
    held_out_seed: int = Field(0, ge=0, description="which prompts are split off; the same for all seeds of the study")
    near_duplicates_together: bool = Field(
        False, description="the split never parts near-duplicate prompts (MinHash; some minutes for a million)"
    )
    skip_refused: bool = Field(False, description="go on without the rows that cannot be read (they are counted)")


class Regime(Settings):
    """How rounds go. The default is Muldrew's: back to the reference, all labels so far."""

    pool: Literal["fixed", "regenerated", "streamed"] = Field(
        "fixed",
        description="the same pairs every round, fresh ones from the policy, or the next part of a stream "
        "(prompts_per_round says how large)",
    )
    weights: Literal["continue", "reset"] = Field(
        "reset", description="a round trains on from where the policy stands, or from the reference"
    )
    data: Literal["new", "cumulative"] = Field(
        "cumulative", description="a round trains on its own labels, or on all labels so far"
    )


class DPOSettings(Settings):
    """Training of one round.

    With m the margin and ε the label smoothing the losses are: sigmoid, −log σ(m) (DPO itself, arXiv:2305.18290);
    conservative, −(1 − ε) log σ(m) − ε log σ(−m) (Mitchell 2023); robust, (−(1 − ε) log σ(m) + ε log σ(−m)) / (1 − 2ε)
    (arXiv:2403.00409); hinge, max(0, 1 − m) (arXiv:2305.10425); ipo, (h − 1 / 2β)² (arXiv:2310.12036), h the difference
    of the two log-ratios to the reference, each a mean over its response's tokens. Figures named margin, and the
    held-out likelihood, are those of the sigmoid's reward model, whatever the loss.
    """

    beta: float = Field(0.1, gt=0, description="β, scale of the implicit reward (no unit); of ipo its τ")
    loss: Literal["sigmoid", "ipo", "conservative", "robust", "hinge"] = Field(
        "sigmoid",
        description="what a pair costs: sigmoid is DPO's own; conservative and robust reckon with wrong labels; hinge "
        "and ipo stop pulling once a margin is large enough",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        description="ε, share of labels taken to be wrong; for conservative and robust, and only them",
    )
    learning_rate: float = Field(1e-3, gt=0, description="peak of the schedule, per step")
    epochs: int = Field(4, ge=1, description="passes over the labels of a round")
    batch_pairs: int = Field(16, ge=1, description="pairs a step")
    micro_batch_pairs: int | None = Field(None, ge=1, description="pairs a backward pass; default: batch_pairs")
    warm_up_share: float = Field(0.1, ge=0, le=1, description="share of steps in which the rate rises from 0")
    max_grad_norm: float = Field(1.0, gt=0, description="gradients are scaled down to this norm")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's")
    checkpointing: Literal["auto", "always", "never"] = Field(
        "auto",
        description="whether training keeps only the layers' inputs and computes the rest twice, to the same bits; "
        "auto: where the longest pair would not fit otherwise",
    )

    @model_validator(mode="after")
    def _smoothing(self) -> "DPOSettings":
        smooths = self.loss in ("conservative", "robust")
        if smooths and self.label_smoothing == 0:
            raise ValueError(f"loss {self.loss!r} needs label_smoothing above 0 and below 0.5")
        if not smooths and self.label_smoothing > 0:
            raise ValueError(
                f"label_smoothing is {self.label_smoothing:g}, and loss {self.loss!r} takes none; take 'conservative' "
                "or 'robust', or leave it out"
            )
        return self

    def spec(self) -> dict[str, Any]:
        """What decides the bits of a training, for keys: fields without which it was once kept are there if they tell.

        Of today's defaults loss and label_smoothing go without saying; checkpointing changes no bit.
        """
        usual = {"loss": "sigmoid", "label_smoothing": 0.0}
        found = self.model_dump(mode="json", exclude={"checkpointing"})
        return {name: value for name, value in found.items() if name not in usual or value != usual[name]}


class EvaluationSettings(Settings):
    """What is measured, and when."""

    pairs_per_set: int = Field(
        500, ge=2, description="pairs of each held-out set a round, whole prompts, same every round"
    )
    probe: int = Field(
        0, ge=0, description="pairs of the pool whose margin is recorded every round, beside all picks so far; 0: none"
    )
    generate: Literal["never", "last", "every"] = Field("last", description="rounds with generations")
    prompts: int = Field(128, ge=2, description="held-out prompts answered greedily for the win rate")
    kl_prompts: int = Field(64, ge=2, description="held-out prompts sampled at T = 1 for the KL to the reference")
    max_new_tokens: int = Field(64, ge=1, description="longest generation")
    guardrails: tuple[AnyGuardrail, ...] = Field(
        default_factory=lambda: tuple(GUARDRAILS.build(name) for name in ("length_controlled", "repetition")),
        validate_default=True,
        description="figures of what the policy writes that show a win-rate illusion",
    )
    text_file: str | None = Field(None, description="held-out text for perplexity, one passage a line")


class RefereeSettings(Settings):
    """What the study is to show, declared before it starts; it is hashed with all else of the study."""

    held_out: str = Field("", description="the held-out set that decides; empty: the first")
    metric: PrimaryMetric = Field(
        "accuracy",
        description="the figure that decides: share of held-out pairs judged as labelled, or the mean log-likelihood "
        "of their labels (nats a pair), which a sure and wrong judgement costs more",
    )
    statistic: Literal["final", "area"] = Field(
        "final", description="the metric in the last round, or its mean over the label axis"
    )
    smallest: float = Field(0.02, gt=0, lt=1, description="smallest difference in the metric that matters")
    target: float | None = Field(
        None, description="level of the metric that labels are counted to; default: the level random ends at"
    )
    second_random: bool = Field(
        True, description="run random once more with another draw: how far apart luck alone takes two (the luck band)"
    )
    seeds_at_most: int | None = Field(
        None, ge=3, description="seeds there may be in all, if some are added after a look; needs a spending"
    )
    spending: Literal["none", "obrien_fleming", "pocock"] = Field(
        "none",
        description="how the chance of a false finding is spent over looks; none: more seeds make it exploratory",
    )

    @model_validator(mode="after")
    def _reachable(self) -> "RefereeSettings":
        between = "between 0 and 1" if self.metric == "accuracy" else "below 0"
        if self.target is not None and not (0 < self.target < 1 if self.metric == "accuracy" else self.target < 0):
            raise ValueError(f"target is {self.target:g}; {self.metric.replace('_', '-')} lies {between}")
        return self

    def decides_on(self, held_out: Iterable[str]) -> str:
        """The held-out set that decides, of those of the study; the one that is split off, if it names none."""
        return self.held_out or next(iter(held_out), "held_out")
