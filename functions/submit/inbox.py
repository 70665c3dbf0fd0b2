"""The inbox: an app drops a `.json` or `.eml` object into the bucket, and that is a submit.

`.json` is the body of `POST /v1/batches`. An `.eml` goes to the addresses of its To, Cc and Bcc;
since its bytes stay as they are, one with a Bcc header is refused.

Which Batch it becomes is derived from the Domain, the name, the bytes, and the time at which the
app put it: an event that comes twice makes no second Batch, a new upload under an old name does.
A put by us would change that time. So the sweep and a replay put an upload under a key that says
it (`inbox/<domain>/~<time>.<mark>/<name>`), and however often they do it, it is the same Batch.
"""

from collections.abc import Sequence

from functions.submit.accept import accept
from functions.submit.message import accept_message, check_message, unfolded
from functions.submit.request import Circumstances, parse_batch
from functions.submit.submit import Submit
from shared import keys, traces
from shared.address import mailboxes_of, normal_mailbox
from shared.batches import load_content
from shared.errors import Malformed, NotFound
from shared.http import Problem
from shared.ids import batch_id, digest
from shared.model import MessageRequest, Submitted
from shared.stage import Stage, Wake, delete_as_read
from shared.store.base import Object

SKEW_S = 300.0
"""So far apart the clocks of two stores' servers may be."""


def stage(submit: Submit) -> Stage:
    """The event face of submit."""

    async def work(key: str, _body: bytes) -> Sequence[Wake]:
        try:
            upload = await submit.store.get(key)
        except NotFound:
            return ()
        domain, _ = keys.parse_inbox(key)
        await _known(submit, domain)
        case = await _case(submit, key, upload)
        # Died before the delete: what is found is done again, to the same bytes.
        if keys.is_overwritable(key):
            ready = await _put(submit, key, upload.body, case)
            await delete_as_read(submit.store, key, upload)
        else:
            is_batch = await _is_batch(submit, case.batch)
            ready = () if is_batch else await _put(submit, key, upload.body, case)
            await submit.store.delete(key)
        return ready

    return Stage("submit", work)


async def _known(submit: Submit, domain: str) -> None:
    try:
        await submit.directory.domain(domain)
    except NotFound as error:
        raise Malformed(
            f"no Domain is called {domain!r}: the folder below inbox/ names it"
        ) from error


async def _case(submit: Submit, key: str, upload: Object) -> Circumstances:
    domain, name = keys.parse_inbox(key)
    put_ms = _put_ms(key, upload)
    content_digest = digest(domain, name, upload.body)
    return Circumstances(
        domain=domain,
        batch=batch_id(put_ms / 1000, content_digest),
        now=put_ms / 1000,
        digest=content_digest.hex(),
        limits=submit.limits,
        suppressed=await submit.suppressions.of(domain),
    )


def _put_ms(key: str, upload: Object) -> int:
    """When the app put it, in milliseconds since 1970. Raises `Malformed`."""
    said = keys.parse_put_back(key)
    if said is None:
        return int(upload.modified * 1000)
    if said.mark != keys.mark_of(upload.body):
        raise Malformed("this is not the upload that was put back: another may have been put there")
    if said.put_ms > (upload.modified + SKEW_S) * 1000:
        raise Malformed("the key says a time that is still to come")
    return said.put_ms


async def _is_batch(submit: Submit, batch: str) -> bool:
    """Whether an upload that was put back had become a Batch, which may be done by now."""
    try:
        await load_content(submit.store, batch)
    except NotFound:
        return False
    return True


async def _put(submit: Submit, key: str, body: bytes, case: Circumstances) -> Sequence[Wake]:
    _, name = keys.parse_inbox(key)
    accepted, ready = await submit.put(await _decide(submit, name, body, case))
    if ready is None:
        return ()
    submit.counts.add("inbox", accepted.accepted)
    traces.note(domain=case.domain, recipients=accepted.accepted)
    return (ready,)


async def _decide(submit: Submit, name: str, body: bytes, case: Circumstances) -> Submitted:
    if name.endswith(".eml"):
        return accept_message(MessageRequest(recipients=_addresses(body)), body, case)
    if name.endswith(".json"):
        request = parse_batch(body)
        template = await submit.template(case.domain, request.template_id)
        return accept(request, case.with_template(template))
    raise Malformed(f"{name!r} ends neither in .json nor in .eml")


def _addresses(message: bytes) -> list[str]:
    headers = check_message(message)
    if any(name in (b"bcc", b"resent-bcc") for name, _ in headers):
        detail = "an .eml in the inbox is sent as it is: a Bcc header would be seen by everyone"
        raise Problem(422, "invalid_message", detail)
    shown = [unfolded(value) for name, value in headers if name in (b"to", b"cc")]
    members = [member for value in shown for member in mailboxes_of(value)]
    # What is no mailbox is rejected by itself, under the text that it has.
    return [mailbox[1] if (mailbox := normal_mailbox(each)) else each for each in members]
