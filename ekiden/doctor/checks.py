"""Every check, in the order of the report. To add one: a function from `Scene` to findings, and a
line here; the table in docs/operations.md is held to this one."""

from ekiden.doctor import buckets, certificates, deployed, names, open_work, stores, way_out
from ekiden.doctor.finding import Check

STORE = "store"

CHECKS = (
    Check(STORE, stores.reachable, "an object below `probe/` is put, read, listed, deleted"),
    Check("conditional-puts", stores.conditional_puts, "the store honours them", after=STORE),
    Check("clock", stores.clock, "the store's clock is ours: 2 s are tolerated, 30 s are too much"),
    Check("disk", stores.disk, "1 GiB is free beside an SQLite file"),
    Check(
        "notifications",
        buckets.notifications,
        "somebody is told of new objects below each work prefix",
        after=STORE,
    ),
    Check(
        "lifecycle",
        buckets.lifecycle,
        "what grows expires, and no rule deletes work, failures or keys",
        after=STORE,
    ),
    Check("failed-work", open_work.failed_work, "nothing lies below `failed/`", 60, STORE),
    Check(
        "forgotten-work",
        open_work.forgotten_work,
        "no open work is older than `sweep.forgotten_after`",
        60,
        STORE,
    ),
    Check("resolver", names.resolver, "the name servers answer"),
    Check(
        "domains", names.domains, "each Domain's DKIM, SPF, DMARC and MX are published", 60, STORE
    ),
    Check(
        "sending-name",
        names.sending_name,
        "`send.hostname`, or each pool's name, leads to its address and back",
    ),
    Check(
        "port-25", way_out.port_25, "a mail server outside greets us, from each sending address", 25
    ),
    Check(
        "certificates",
        certificates.certificates,
        "the listeners' certificate fits key and name, and is good for 14 days",
    ),
    Check("functions", deployed.functions, "each URL of `sweep.targets` is ready", 30),
)
