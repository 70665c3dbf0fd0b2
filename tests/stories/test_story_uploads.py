"""A nightly job that knows no HTTP puts its mails into the bucket and goes home.

No event tells Ekiden of them: the sweep finds what lies in the inbox. What cannot be sent lies
under failed/ in the morning, whole and with its cause, and has stopped nothing else.
"""

import asyncio
import base64
import json

from station import BATCH, DOMAIN, Here, run, running_station

from shared import keys

EML = (
    b"From: Nightly <job@example.org>\r\n"
    b"To: Ann <ann@sink.example>\r\n"
    b"Cc: ben@sink.example\r\n"
    b"Subject: Nightly report\r\n"
    b"\r\n"
    b"All is well.\r\n"
)
UPLOADS = {
    f"inbox/{DOMAIN}/1-good.json": json.dumps(BATCH).encode(),
    f"inbox/{DOMAIN}/2-good.eml": EML,
    f"inbox/{DOMAIN}/3-broken.json": b'{"sender": ',
    f"inbox/{DOMAIN}/4-bcc.eml": b"Bcc: secret@sink.example\r\n" + EML,
    f"inbox/{DOMAIN}/5-report.pdf": b"%PDF",
    "inbox/unknown.example/6-good.json": json.dumps(BATCH).encode(),
}
CAUSES = {
    f"inbox/{DOMAIN}/3-broken.json": "truncated",
    f"inbox/{DOMAIN}/4-bcc.eml": "a Bcc header would be seen by everyone",
    f"inbox/{DOMAIN}/5-report.pdf": "ends neither in .json nor in .eml",
    "inbox/unknown.example/6-good.json": "no Domain is called 'unknown.example'",
}


def test_what_lies_in_the_inbox_is_sent_or_says_why_not() -> None:
    async def story() -> None:
        async with running_station() as here:
            for key, body in UPLOADS.items():
                await here.store.put(key, body)
            await sweep_twice_at_once(here)
            await here.idle()
            await sweep_twice_at_once(here)  # events come late, too
            await here.idle()

            assert sorted(received.recipient for received in here.sink.received) == [
                "ann@sink.example",
                "ann@sink.example",
                "ben@sink.example",
            ]
            reports = [r for r in here.sink.received if b"Nightly report" in r.message]
            assert all(report.message.endswith(EML) for report in reports)
            assert await here.keys("inbox/") == []
            await what_failed_is_kept_with_its_cause(here)

    run(story)


async def sweep_twice_at_once(here: Here) -> None:
    relay = here.station.relay
    await asyncio.gather(relay.sweep(forgotten_after_s=0), relay.sweep(forgotten_after_s=0))


async def what_failed_is_kept_with_its_cause(here: Here) -> None:
    failures = [json.loads((await here.store.get(key)).body) for key in await here.keys("failed/")]
    by_upload = {keys.inbox(*keys.parse_inbox(each["key"])): each for each in failures}
    assert (len(failures), by_upload.keys()) == (len(CAUSES), CAUSES.keys())
    for key, cause in CAUSES.items():
        failure = by_upload[key]
        assert cause in failure["message"]
        assert base64.b64decode(failure["body"]) == UPLOADS[key]
