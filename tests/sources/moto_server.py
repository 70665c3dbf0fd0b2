"""moto's server, whose queues take several calls at once, as SQS does.

Its server has a thread for each call, and its queue was made for one: whoever deletes writes the
list of messages anew, and with it what another has deleted, or without what another has added.
"""

import sys
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any

from moto.server import main
from moto.sqs.models import Queue

_one = RLock()


def alone(method: Callable[..., Any]) -> Callable[..., Any]:
    """One call at a time, of all methods that are wrapped so."""

    @wraps(method)
    def called(*given: Any, **named: Any) -> Any:
        with _one:
            return method(*given, **named)

    return called


if __name__ == "__main__":
    Queue.add_message = alone(Queue.add_message)  # type: ignore[method-assign]
    Queue.delete_message = alone(Queue.delete_message)  # type: ignore[method-assign]
    main(sys.argv[1:])
