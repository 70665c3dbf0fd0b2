"""Which TLSA records can be used, and certificates that nobody should be shown."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smtp_certificates import Certificates

from functions.send.smtp.dane import NotProven, check, usable
from functions.send.smtp.target import Tlsa

NOW = datetime.now(UTC)
SHA256, SHA512 = b"x" * 32, b"x" * 64


@pytest.mark.parametrize(
    "record",
    [
        Tlsa(0, 1, 1, SHA256),
        Tlsa(1, 1, 1, SHA256),
        Tlsa(4, 1, 1, SHA256),
        Tlsa(3, 2, 1, SHA256),
        Tlsa(3, 1, 3, SHA256),
        Tlsa(3, 1, 1, SHA512),
        Tlsa(3, 1, 2, SHA256),
        Tlsa(3, 1, 0, b""),
    ],
)
def test_what_mail_does_not_know_is_not_used(record: Tlsa) -> None:
    assert usable([record]) == []


def test_a_weaker_digest_is_not_used_beside_a_stronger_one() -> None:
    strong, exact, other = Tlsa(3, 1, 2, SHA512), Tlsa(3, 1, 0, b"x"), Tlsa(3, 0, 1, SHA256)
    assert usable([Tlsa(3, 1, 1, SHA256), strong, exact, other]) == [strong, exact, other]


@pytest.mark.parametrize(("selector", "matching"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)])
def test_a_record_may_name_certificate_or_key_in_any_form(
    certificates: Certificates, selector: int, matching: int
) -> None:
    server, middle, root = certificates.chains["of-an-authority"]
    chain = [each.der for each in (server, middle, root)]
    check([server.tlsa(3, selector, matching)], chain, "mx.test", NOW)
    check([root.tlsa(2, selector, matching)], chain, "mx.test", NOW)


def test_a_chain_may_come_in_any_order_and_with_nonsense_in_it(certificates: Certificates) -> None:
    server, middle, root = certificates.chains["of-an-authority"]
    check([root.tlsa(2, 0, 1)], [server.der, b"?", root.der, middle.der], "mx.test", NOW)


def test_an_authority_that_is_not_presented_proves_nothing(certificates: Certificates) -> None:
    server, middle, root = certificates.chains["of-an-authority"]
    with pytest.raises(NotProven, match="matches no TLSA record"):
        check([root.tlsa(2, 0, 1)], [server.der, middle.der], "mx.test", NOW)


def test_a_chain_with_a_hole_proves_nothing(certificates: Certificates) -> None:
    server, _, root = certificates.chains["of-an-authority"]
    with pytest.raises(NotProven, match="its authority is right"):
        check([root.tlsa(2, 0, 1)], [server.der, root.der], "mx.test", NOW)


@pytest.mark.parametrize("host", ["[127.0.0.1]", "δ.test", "", "mx.test.evil"])
def test_a_host_that_is_no_name_in_the_certificate_is_not_proved(
    certificates: Certificates, host: str
) -> None:
    chain = certificates.chains["of-an-authority"]
    with pytest.raises(NotProven, match="its authority is right"):
        check([chain[2].tlsa(2, 0, 1)], [each.der for each in chain], host, NOW)


@given(st.lists(st.binary(max_size=50), max_size=3))
def test_garbage_proves_nothing(chain: list[bytes]) -> None:
    with pytest.raises(NotProven):
        check([Tlsa(3, 1, 1, SHA256), Tlsa(2, 0, 1, SHA256)], chain, "mx.test", NOW)
