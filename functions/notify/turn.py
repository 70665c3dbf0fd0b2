"""The POSTs of one call: a few side by side, each signed, each bounded in time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from functions.notify import decide
from functions.notify.decide import Verdict
from functions.notify.endpoint import Endpoint, NotNow
from functions.notify.messages import Post
from shared.errors import Malformed
from shared.http_client import NoAnswer
from shared.http_url import parse as parse_url
from shared.notifying import Call
from shared.stage import Clock
from shared.together import together
from shared.webhook_log import WebhookAttempt
from shared.webhooks import Webhook

LANES = 4
LONGEST_S = 60.0
"""Then what is left comes in a turn of its own: a function's time is bounded."""
MOST_REFUSED = 5
"""One after the other; then the Webhook takes nothing at all at the moment."""


@dataclass(slots=True)
class Turn:
    """What came of it so far."""

    attempts: list[WebhookAttempt] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    left: int = 0
    """POSTs that were not taken, or not tried."""
    retry_after_s: float = 0.0
    verdict: Verdict = Verdict.TAKEN
    """The worst of all."""
    refused: int = 0
    """In a row."""

    @property
    def why(self) -> str:
        last = next((each for each in reversed(self.attempts) if not each.taken), None)
        return (last.error or f"answered {last.status}") if last else ""


async def run(
    webhook: Webhook, call: Call, posts: Sequence[Post], endpoint: Endpoint, clock: Clock
) -> Turn:
    """Tell all of it, unless the Webhook proves to be down, or the time is over."""
    turn = Turn(left=len(posts))
    waiting = iter([posts[place] for place in decide.in_turn(len(posts), call.attempt)])
    ends_at = clock() + LONGEST_S
    lanes = min(LANES, len(posts))
    await together(
        _lane(_Lane(webhook, call, endpoint, clock, turn), waiting, ends_at) for _ in range(lanes)
    )
    return turn


@dataclass(frozen=True, slots=True)
class _Lane:
    webhook: Webhook
    call: Call
    endpoint: Endpoint
    clock: Clock
    turn: Turn

    @property
    def goes_on(self) -> bool:
        worst, refused = self.turn.verdict, self.turn.refused
        return worst not in (Verdict.DOWN, Verdict.GONE) and refused < MOST_REFUSED


async def _lane(lane: _Lane, waiting: Iterator[Post], ends_at: float) -> None:
    turn = lane.turn
    while lane.goes_on and lane.clock() < ends_at and (post := next(waiting, None)):
        try:
            attempt, verdict = await _tell(lane, post)
        except NotNow:
            turn.verdict = max(turn.verdict, Verdict.HELD, key=decide.BADNESS.index)
            return
        turn.attempts.append(attempt)
        if verdict is Verdict.DOWN:
            lane.endpoint.leave_alone()
        if verdict is Verdict.TAKEN:
            turn.left -= 1
            turn.refused = 0
            turn.taken += [each.id for each in post.messages]
        else:
            turn.refused += 1
            turn.verdict = max(turn.verdict, verdict, key=decide.BADNESS.index)


async def _tell(lane: _Lane, post: Post) -> tuple[WebhookAttempt, Verdict]:
    began = lane.clock()
    status, error = 0, ""
    try:
        url = parse_url(lane.webhook.url)
        answer = await lane.endpoint.post(url, headers(lane.webhook, post, began), post.body)
    except (NoAnswer, Malformed) as failure:
        error = str(failure)[:300]
    else:
        status = answer.status
        wanted_s = decide.retry_after_s(answer.headers.get("retry-after", ""), lane.clock())
        if decide.verdict(status) is not Verdict.TAKEN:
            lane.turn.retry_after_s = max(lane.turn.retry_after_s, wanted_s)
    return _attempt(lane, post, began, status, error), decide.verdict(status)


def _attempt(lane: _Lane, post: Post, began: float, status: int, error: str) -> WebhookAttempt:
    first = post.messages[0]
    is_single = len(post.messages) == 1
    return WebhookAttempt(
        id=post.id,
        at=began,
        source=lane.call.source,
        attempt=lane.call.attempt,
        event=first.event if is_single else "",
        delivery=first.delivery if is_single else "",
        events=len(post.messages),
        status=status,
        error=error,
        duration_s=round(max(0.0, lane.clock() - began), 3),
    )


def headers(webhook: Webhook, post: Post, now: float) -> dict[str, str]:
    """Those of Standard Webhooks: one signature for each secret that signs now."""
    from standardwebhooks import Webhook as Signer

    at = datetime.fromtimestamp(int(now), UTC)
    text = post.body.decode()
    signed = [Signer(each).sign(post.id, at, text) for each in webhook.signing(now)]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Ekiden",
        "webhook-id": post.id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(signed),
    }
