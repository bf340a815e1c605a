"""What the columns of the public tables are, each with its unit."""

NOTHING_YET = "No round is done yet."
RUNS = {
    "run_id": "id of the run",
    "strategy": "key of the arm; random:again is the second draw of random",
    "seed": "its seed",
    "state": "queued, running, review, waiting, paused, done, failed or cancelled",
    "rounds_done": "rounds done, round 0 not counted",
    "rounds_total": "rounds planned",
    "progress": "what it does now",
    "error": "why it failed",
}
CURVE = {
    "held_out": "the held-out set; empty for a figure of generated responses",
    "strategy": "key of the arm; random:again is the second draw of random",
    "title": "the strategy's name for people",
    "slot": "place of its colour; 0 is random",
    "seed": "the run's seed",
    "run_id": "id of the run",
    "round": "0 is before any label",
    "labels": "answers asked for up to that round, ties and skips too",
    "value": "the figure",
    "n": "held-out pairs, prompts or responses that the figure is of",
}
LEVELS = {
    "held_out": CURVE["held_out"],
    "strategy": CURVE["strategy"],
    "title": CURVE["title"],
    "slot": CURVE["slot"],
    "round": CURVE["round"],
    "labels": CURVE["labels"],
    "mean": "mean over seeds",
    "low": "lower end of Student's 95 % interval over seeds, in the unit of the mean; none below three seeds",
    "high": "its upper end",
    "seeds": "seeds that have the round",
}
SCORES = {
    "pair_id": "id of the candidate pair",
    "score": "what the strategy gave it, in its own unit; higher = label sooner; none where it gives no scores",
}
VERDICTS = {
    "strategy": "key of the arm",
    "title": "the strategy's name for people",
    "twin": "the random arm it is compared with",
    "held_out": "the held-out set that was declared to decide",
    "verdict": "better, worse, not shown, or no verdict",
    "difference": "strategy minus twin, in the unit of the declared metric",
    "low": "lower end of its interval, which holds for all strategies together",
    "high": "its upper end",
    "level": "the interval's level, a share",
    "smallest": "the smallest difference that was declared to matter, in the same unit",
    "seeds": "seeds that both have finished",
    "exploratory": "why it is not the verdict that was declared; empty if it is",
    "sentence": "the verdict in words",
}
