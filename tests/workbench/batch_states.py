"""The states of what the page Batch is made of, and of what a dry run is elsewhere: rows of the table."""

from tests.workbench.states import DRY, NO_STUDY, NOTHING_PICKED, See, State

ACTIVE = {"strategy": "ActiveDPO"}
ASKS = {"strategy": "ActiveDPO", "explain": "true"}
BATCH: dict[str, dict[State, See]] = {
    "batch_meters": {
        "empty": See("batch", (NO_STUDY,), ("redundancy",)),
        "queued": See("batch", (NOTHING_PICKED,), ("redundancy",)),
        "running": See("batch", ("redundancy", "The comparison with random batches waits"), query=ASKS),
        "failed": See("batch", ("redundancy", "switch on “explain”", "nobody was asked yet"), query=ACTIVE),
        "finished": See("batch", ("redundancy", "length of a response", "with neither chosen"), query=ACTIVE),
    },
    "pair_card": {
        "empty": See("batch", (NO_STUDY,), ("Why this pair",)),
        "queued": See("batch", (NOTHING_PICKED,), ("Why this pair",)),
        "running": See("batch", ("Why this pair", "pick 1 of 6")),
        "failed": See("batch", ("Why this pair", "not labelled yet"), query=ACTIVE),
        "finished": See("batch", ("Why this pair", "labelled: ", "score before the batch")),
    },
    "pick_list": {
        "queued": See("batch", (NOTHING_PICKED,), ("Previous",)),
        "running": See("batch", ("6 picks", "Previous", "Next")),
        "failed": See("batch", ("6 picks", "in the order drawn"), query=ACTIVE),
        "finished": See("batch", ("6 picks", "best first")),
    },
    "token_heat": {
        "empty": See("batch", (NO_STUDY,), ("Token view",)),
        "queued": See("batch", (NOTHING_PICKED,), ("Token view",)),
        "running": See("batch", ("The token view waits for the worker.",), ("sum ",), query=ASKS),
        "finished": See("batch", ("Token view", "policy after round 1", "switch on “explain”"), query=ACTIVE),
    },
    "why_pair": {
        "empty": See("batch", (NO_STUDY,), ("Under the other strategies",)),
        "queued": See("batch", (NOTHING_PICKED,), ("Under the other strategies",)),
        "running": See("batch", ("Why this pair", "The explanation of the picks waits for the worker."), query=ASKS),
        "failed": See("batch", ("Under the other strategies", "warm-up batch, nothing was scored"), query=ACTIVE),
        "finished": See("batch", ("score before the batch", "rank in this round, each in its own run"), query=ACTIVE),
    },
    "elsewhere": {
        "empty": See("dry_run", (NO_STUDY,), ("As a study file has it",)),
        "queued": See("dry_run", ("As a study file has it",), query=DRY),
        "finished": See("dry_run", ("As a study file has it",), query=DRY),
    },
}
