"""The inbox: an app drops a `.json` or `.eml` object into the bucket, and that is a submit.

`.json` is the body of `POST /v1/batches`. An `.eml` goes to the addresses of its To, Cc and Bcc;
since its bytes stay as they are, one with a Bcc header is refused. The Batch's id is derived from
the object, so an event that comes twice makes no second Batch.
"""

from collections.abc import Sequence

from functions.submit.accept import Circumstances, accept, parse_batch
from functions.submit.message import accept_message, check_message, unfolded
from functions.submit.submit import Submit
from shared import keys, traces
from shared.address import mailboxes_of, normal_mailbox
from shared.errors import Malformed, NotFound
from shared.http import Problem
from shared.ids import batch_id, digest
from shared.model import MessageRequest, Submitted
from shared.stage import Stage, Wake


def stage(submit: Submit) -> Stage:
    """The event face of submit."""

    async def work(key: str, _body: bytes) -> Sequence[Wake]:
        domain, name = keys.parse_inbox(key)
        try:
            upload = await submit.store.get(key)
        except NotFound:
            return ()
        await _known(submit, domain)
        # The time that the store gave the object is part of its input: a new upload under an
        # old name is a new Batch, the same event twice is not.
        content_digest = digest(domain, name, upload.body)
        case = Circumstances(
            domain=domain,
            batch=batch_id(upload.modified, content_digest),
            now=upload.modified,
            digest=content_digest.hex(),
            limits=submit.limits,
            suppressed=await submit.suppressions.of(domain),
        )
        accepted, ready = await submit.put(await _decide(submit, name, upload.body, case))
        if ready:
            submit.counts.add("inbox", accepted.accepted)
            traces.note(domain=domain, recipients=accepted.accepted)
        await submit.store.delete(key)
        return (ready,) if ready else ()

    return Stage("submit", work)


async def _known(submit: Submit, domain: str) -> None:
    try:
        await submit.directory.domain(domain)
    except NotFound as error:
        raise Malformed(
            f"no Domain is called {domain!r}: the folder below inbox/ names it"
        ) from error


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
