"""Every key of the bucket. No other file builds a key out of strings.

    inbox/<domain>/<name>                      uploaded by an app              → submit
    inbox/<domain>/~<time>.<mark>/<name>       the same, put again: see ADR 16 → submit
    submitted/<batch>.json                     an accepted Batch, whole        → validate
    validated/<batch>/<bag>.json               a Bag of checked Recipients     → dispatch
    dispatched/<batch>/<bag>.<attempt>.jsonl   a Bag of Envelopes              → send
    inbound/<id>.eml                           mail that arrived on port 25    → bounce
    notifying/<domain>/<webhook>/<name>.<turn>.json   what a Webhook has to hear → notify
    waiting/<due>/<stage>/…                    the same, not due yet; <due> is UTC to the second
    failed/<stage>/<the work object's key>     what a stage could not do, with the cause

    batches/<batch>/content.json               what the Batch says
    batches/<batch>/cancelled.json             it shall not be sent any further
    batches/<batch>/outcomes/<bag>.<attempt>.<part>.jsonl
    batches/<batch>/outcomes/<bag>.late.<inbound id>.jsonl   what a report said later
    events/<domain>/<day>/<name>.jsonl         complaints, late bounces, opens, clicks
    received/<domain>/<inbound id>.eml         mail to postmaster, abuse and routed addresses
    calls/<domain>/<webhook>/<day>/<time>.<name>.jsonl   each try to tell a Webhook
    audit/<day>/<id>.json                      who was let in to admin, and who was not
    archive/<the work object's key>            what came in, for `ekiden replay`
    domains/<domain>/domain.json               who may send, and by which route
    domains/<domain>/dkim.json                 its private DKIM keys
    domains/<domain>/tracking.json             keys that sign tracked URLs
    domains/<domain>/keys/<id>.json            API keys, hashed
    domains/<domain>/templates/<id>.json       as it is now; deleted ones stay, marked
    domains/<domain>/template_versions/<id>/<number>.json   what it was before
    domains/<domain>/suppressions/<digest>.<mark>.json   an address not to write to, just learnt
    domains/<domain>/suppressions/index.json   which segments hold all the others
    domains/<domain>/suppressed/<segment>/…    digests, and blocks of lines: a sorted part of them
    domains/<domain>/webhooks/<id>.json        who wants to hear what happened, and their secrets
    domains/<domain>/idempotency/<digest>.json which Batch an Idempotency-Key made
    domains/<domain>/tags/<tag>/<batch>        an index: the Batches that carry a tag
    leases/send/<batch>/<bag>.<attempt>        who is sending which Bag until when
    control/paused/<name>.json                 destinations that an operator has paused
    control/warmup/<address>/<day>.json        how much a new sending address has sent
    control/redrives/<the work object's key>   how often the sweep has woken it
    control/mta_sts/<domain>.json              the MTA-STS policy of a recipient domain
    control/stats/index.json                   how far the mail was counted
    control/stats/batches/<quarter>.json       the Batches of a quarter of an hour, as counted
    control/stats/events/<domain>/<day>.json   the same of a day's events
    control/retention/index.json               which Domains are left today, and whose turn it is
    control/retention/wishes/<domain>.json     what a Domain keeps less long than the installation
    control/retention/domains/<domain>.json    how far that has come
    stats/<domain>/<day>/<part>.json           hourly counts, of which part is `counts` or `to`
    batches/<batch>/progress.json              its Outcomes, counted by Bag: spares reading them

All variable parts have a fixed width or are the last part, because not every store lists in byte
order and some refuse a name that is the prefix of its sibling.
"""

from shared.keys.batches import *  # noqa: F403
from shared.keys.domains import *  # noqa: F403
from shared.keys.history import *  # noqa: F403
from shared.keys.relay import *  # noqa: F403
from shared.keys.statistics import *  # noqa: F403
