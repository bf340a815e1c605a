"""The words of the workbench, what a round does and what an answer does: one table, shown by the page Help.

The same words stand in the code, in the store and on every page.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A word, what it means, and the words that are not used for it."""

    word: str
    means: str
    instead_of: str = ""


WHAT_THIS_IS = (
    "A team wants to align a language model with preferences (DPO). Labels are the cost: people, or judges, who say "
    "which of two responses is better. The workbench answers four questions: which pairs are worth a label, what was "
    "picked and why, whether it helped, and how to take the labelled pairs home.",
    "Two ways to use it. A rehearsal answers from recorded or simulated labels, so strategies and seeds can race. A "
    "campaign is one run with people who label. In both a label belongs to the pair, not to the run: it is bought once "
    "per study (from a simulated oracle once per study and seed) and used again by every run that picks the pair.",
    "Closing the browser, reloading or restarting the app changes nothing about a run: workers run beside the app, and "
    "they meet in the store.",
)

FLOW = (
    ("pool", "The candidate pairs of the round are gathered: given, all pairs of given responses, or freshly drawn."),
    ("score", "The model's signals are computed once for every strategy that asks, and each pair gets a score."),
    ("pick", "The strategy's recipe is carried out: a batch of pairs, each with the numbers that explain it."),
    ("label", "The oracle answers. A label that the study has bought before is used again."),
    ("train", "DPO trains the adapter on the labels; the reference is always the SFT model, the adapter off."),
    (
        "evaluate",
        "The policy is measured on held-out pairs, never picked, and at chosen rounds on what it writes.",
    ),
)
"""The stages of a round, in order. Round 0 is the evaluation before any label; the first pick is round 1."""

ANSWERS = (
    "Every answer costs one label. Only a and b train.",
    "Ties and both-bad are counted and shown. A skip returns the pair to the pool.",
    "Several votes: the majority counts, an even vote is a tie.",
    "People may answer in another labelling tool: a lead sends pairs out and takes its file in on the page Label. What "
    "is out is shown to nobody here, and an answer that comes when its pair is settled is kept as a late one.",
)

WORDS = (
    Word("prompt, response", "The two texts; a response has a source model and sampling parameters if known.",
         "completion, answer, output"),
    Word("pair", "One prompt and two responses, unordered; sides a and b by hash, so that chosen is never a side.",
         "example, sample, item"),
    Word("chosen, rejected", "The responses of a labelled pair: only a label makes them.", "winner, loser"),
    Word("pool", "The candidate pairs a run can pick from; it may change by round.", "dataset (that is the file)"),
    Word("sampler", "Where candidate pairs come from: given, all pairs of given responses, drawn by the policy.",
         "generator"),
    Word("signal", "A named array that a model pass gives: per response, pair or prompt.", "feature, statistic"),
    Word("score", "What a strategy gives a pair; higher = label sooner, always.", "utility, value"),
    Word("strategy", "A published acquisition method: signals in, picks out; it never sees a label it has not bought.",
         "query function"),
    Word("pick, batch", "The pairs chosen in a round; together a batch.", "query, select"),
    Word("warm-up batch", "A random first batch, the same pairs for every strategy of a seed; it counts as labels.",
         "seed batch"),
    Word("oracle, label", "Who answers; one answer: a, b, tie, both bad, skip.", "annotator, feedback"),
    Word("labeller", "A person who labels.", "annotator, rater"),
    Word("round", "Pick, label, DPO, evaluate. Round 0 is the evaluation before any label.",
         "iteration"),
    Word("regime", "How rounds go: pool fixed, regenerated, streamed; weights continue, reset; data new, cumulative.",
         "mode"),
    Word("run", "One strategy, one regime, one seed, all its rounds.", "job (that is the process)"),
    Word("study", "The runs that are compared, over one data set, one model, one budget.", "experiment, sweep"),
    Word("seed", "Varies a round's prompts, warm-up, sampling, label noise, training order, the adapter's start; never "
         "data or held-out sets."),
    Word("held-out set", "Pairs never picked, split off by prompt; used only to evaluate.", "validation, test"),
    Word("budget", "Labels a run may buy."),
    Word("policy, reference", "The model that is trained, and the one it is measured against: always the SFT model.",
         "model_1, ref_model"),
    Word("adapter", "The LoRA weights that DPO trains; with the adapter off the policy is the reference."),
    Word("logps", "Log-probabilities of a response's tokens, summed, in nats."),
    Word("margin", "Implicit reward of one side minus that of the other: β times the difference of their log-ratios."),
    Word("β (beta)", "The scale of the implicit reward in DPO (no unit)."),
)  # fmt: skip
"""DESIGN, section 2."""
