"""What a month of mail costs: requests to the store, storage and function time, in money.

traffic    what is asked: how much mail, in Batches of which size, kept for how long
usage      what that takes, from what was measured (`measured.json`, by `python -m benchmarks.cost`)
prices     what things cost (`prices.yaml`: examples, each with its source and date)
bill       the one times the other, line by line

Limits of the model, which `ekiden cost` prints: `LIMITS`.
"""

LIMITS = (
    "Prices are examples, and change: check each at its source (`--prices FILE` for your own).",
    "Every Batch has the mean size, and the mails of a month are spread evenly. Outcomes are "
    "written once a second at least: where destinations let a Bag wait, each second of it costs "
    "a PUT and a GET (`--bag-time`).",
    "Every mail is delivered at the first attempt. A Bag that is deferred costs its requests "
    "again, without `submit` and `validate`.",
    "Processor time was measured on one machine with mails of about 8 KB. A larger mail costs more "
    "to sign; attachments are laid out once per Batch.",
    "Function time is that of submit, validate and dispatch; `send` runs in the pod, because a "
    "function is billed while a server lets it wait. Left out: cold starts, logs, free tiers.",
    "Kept is what stands under `batches/` and `archive/`: the content, not packed, and the "
    "Outcomes. Work in flight, events and received mail are left out.",
    "One pod, or one `serve`, until it is half busy: each further one costs its machine and its "
    "sweeps again. Of a sweep's requests, most find nothing: say `--sweep-every`.",
    "Your own time, sending addresses and their reputation cost, too; a hosted sender includes "
    "some of that.",
)
