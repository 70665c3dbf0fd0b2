"""What went wrong, as the caller is told."""

import logging

from shared.errors import LostRace, Malformed, NotFound, Temporary
from shared.http import Problem, Request

log = logging.getLogger("ekiden.admin")


def problem_of(error: Exception, request: Request) -> Problem:
    """What is not a caller's fault is logged."""
    match error:
        case Problem():
            return error
        case NotFound():
            return Problem(404, "not_found", str(error))
        case LostRace():
            return Problem(409, "in_progress", f"try again: {error}")
        case Malformed():
            return Problem(422, "refused", str(error))
        case Temporary():
            log.warning("%s %s is put off: %s", request.method, request.path, error)
            return Problem(503, "unavailable", f"try again: {error}")
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    detail = "the fault is Ekiden's, not the call's; its log says more"
    return Problem(500, "internal_error", detail)
