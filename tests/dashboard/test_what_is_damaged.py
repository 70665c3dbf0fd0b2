"""Objects that cannot be read, and places that cannot be listed: they hide nothing else."""

import a_day_of_mail
import pytest
from dashboard_desk import Desk
from station import DOMAIN

from shared import keys
from shared.errors import StoreRefused
from shared.store.base import Entry
from shared.store.memory import MemoryStore


@pytest.mark.parametrize("body", [b"\xff{", b"", b"null", b"{}"])
def test_outcomes_that_cannot_be_read_hide_nothing_but_their_own_batch(body: bytes) -> None:
    desk = Desk()
    desk.do(a_day_of_mail.make(desk.store, DOMAIN, desk.now, size=5))
    *_, well, damaged = sorted({key.split("/")[1] for key in desk.keys("batches/")})
    desk.do(desk.store.put(keys.outcome_part(damaged, 0, 0, 0), body or b"\n{"))
    desk.do(desk.store.put(f"batches/{well}/outcomes/by-hand.txt", b"a note"))
    desk.log_in()
    for path in ("/dashboard", "/dashboard/batches"):
        page = desk.get(path)
        assert page.status == 200
        assert page.text.count("damaged") == 2
        assert keys.outcome_part(damaged, 0, 0, 0) in page.text
    page = desk.get(f"/dashboard/domains/{DOMAIN}/batches/{damaged}")
    assert (page.status, "cannot be read" in page.text) == (422, True)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'"\xff"', b"\x1f\x8b\x08nothing", b"[]"])
def test_statistics_that_cannot_be_read_do_not_hide_what_failed(body: bytes) -> None:
    desk = Desk()
    desk.do(a_day_of_mail.make(desk.store, DOMAIN, desk.now, size=5))
    desk.do(desk.store.put("failed/submit/note.txt", b"a note"))
    for key in desk.keys(f"stats/{keys.ALL_DOMAINS}/"):
        desk.do(desk.store.put(key, body))
    desk.log_in()
    page = desk.get("/dashboard")
    assert page.status == 200
    assert "cannot be read" in page.text
    assert "1 piece of work failed" in page.text
    assert desk.get("/dashboard/statistics").status == 422


def test_what_the_store_does_not_list_is_not_shown_as_nothing() -> None:
    class Refusing(MemoryStore):
        async def list_page(
            self, prefix: str, start_after: str = "", limit: int = 1000
        ) -> list[Entry]:
            if prefix == keys.FAILED:
                raise StoreRefused("AccessDenied")
            return await super().list_page(prefix, start_after, limit)

    desk = Desk(Refusing())
    desk.log_in()
    overview = desk.get("/dashboard").text
    assert "What is open for failed is not known: AccessDenied" in overview
    assert "Nothing needs you" not in overview
    assert "not known" in desk.get("/dashboard/queue").text


def test_a_domain_that_cannot_be_read_hides_no_other() -> None:
    desk = Desk()
    desk.do(desk.store.put(keys.domain_record("damaged.example"), b"{"))
    desk.log_in()
    page = desk.get("/dashboard/domains")
    assert page.status == 200
    assert DOMAIN in page.text
    assert "its record cannot be read" in page.text
