"""The exception tree: the type says what happens next.

    EkidenError
    ├── Temporary            the same call may succeed later: raise it, the platform redelivers
    │   ├── StoreUnavailable the store did not answer, or answered 5xx or "slow down"
    │   ├── Busy             another holder has the lease
    │   └── LostRace         someone else wrote first; reading again shows who won
    │       ├── AlreadyExists    a create-only put found the key taken
    │       └── Changed          a compare-and-swap put found another ETag, or nothing
    └── Permanent            the same call fails for ever: the work goes to failed/<stage>/
        ├── NotFound         an object that has to be there is not
        ├── StoreRefused     the store refuses us: credentials, bucket, conditional puts
        ├── Malformed        an object or a request cannot be read
        └── Misconfigured    the configuration cannot be used

Anything else that leaves a stage is a fault in our code. It counts as permanent, so that one
poisonous object stops no other, and a person sees it under `failed/`.
"""


class EkidenError(Exception):
    """Base of all errors that Ekiden raises on purpose."""


class Temporary(EkidenError):
    """The same call may succeed later."""


class Permanent(EkidenError):
    """The same call fails for ever."""


class StoreUnavailable(Temporary):
    """The store did not answer, or asked to slow down."""


class Busy(Temporary):
    """Another holder has the lease."""


class LostRace(Temporary):
    """A conditional put was refused, because someone else wrote first."""


class AlreadyExists(LostRace):
    """A create-only put found the key taken."""


class Changed(LostRace):
    """A compare-and-swap put found another ETag than the expected one, or no object."""


class NotFound(Permanent):
    """An object that has to be there is not."""


class StoreRefused(Permanent):
    """The store refuses us: wrong credentials, no such bucket, no conditional puts."""


class Malformed(Permanent):
    """An object or a request cannot be read."""


class Misconfigured(Permanent):
    """The configuration cannot be used; the message says which option and why."""
