"""How much a new sending address may send. Pure.

Providers distrust an address that they do not know and that sends much at once. It begins with a
few mails to each site and doubles every day, until it may send as any other:

    day    1    2    3    4    5     6     7     8     9      10     11 …    15
    mails  50   100  200  400  800   1600  3200  6400  12800  25600  51200   free
"""

from datetime import date

FIRST_DAY_MAILS = 50
FREE_FROM_DAY = 14


def allowance(first_day: date, today: date) -> int | None:
    """Mails to one site on this day; None: as many as it takes."""
    day = (today - first_day).days
    if day < 0:
        return 0
    return None if day >= FREE_FROM_DAY else int(FIRST_DAY_MAILS * 2**day)
