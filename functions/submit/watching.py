"""What a Batch may watch, and where its readers unsubscribe. Pure."""

from functions.submit.request import Circumstances, ParsedBatch
from shared import unsubscribe
from shared.http import Problem
from shared.tracking import AboveCeiling, Tracking, TrackingWish, allowed

_NO_HOST = (
    "neither the Domain has a tracking host nor this installation a URL (track.public_url): "
    "ekiden tracking"
)


def tracking_of(request: ParsedBatch, case: Circumstances) -> Tracking:
    """What counts for the Batch. Raises `Problem`."""
    try:
        tracking = allowed(case.ceiling, request.tracking or TrackingWish(), TrackingWish())
    except AboveCeiling as error:
        raise Problem(422, "tracking_above_ceiling", str(error)) from error
    if not tracking.is_off and not case.tracking_url:
        raise Problem(422, "tracking_not_set_up", _NO_HOST)
    return tracking


def is_allowed(wish: TrackingWish, ceiling: Tracking) -> bool:
    """Whether one Recipient may be watched as closely as is asked for."""
    try:
        allowed(ceiling, wish, TrackingWish())
    except AboveCeiling:
        return False
    return True


def unsubscribe_url(request: ParsedBatch, case: Circumstances) -> str:
    """The app's own template; empty if it has none, or wants our page. Raises `Problem`."""
    if request.one_click_unsubscribe is None:
        return ""
    url = request.one_click_unsubscribe.url_template
    if not url:
        if not case.tracking_url:
            raise Problem(422, "tracking_not_set_up", _NO_HOST)
        return ""
    try:
        unsubscribe.check(url)
    except unsubscribe.Unresolved as error:
        detail = f"one_click_unsubscribe.url_template: {error}"
        raise Problem(422, "invalid_unsubscribe_url", detail) from error
    return url
