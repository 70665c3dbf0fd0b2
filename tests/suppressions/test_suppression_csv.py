"""CSV in and out: what is wrong is said with its line, and keeps nothing else out."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from suppressed import DOMAIN, NOW, Suppressed, addresses, entry

from shared import keys
from shared.address import normal
from shared.suppressions import REASONS, Suppression, digest
from shared.suppressions.csv_lines import Row, head, line, read

NAMELESS = Suppression(email="", reason="complaint", at=NOW, digest="0123456789" * 4)


def rows(text: str | bytes) -> list[Row]:
    body = text if isinstance(text, bytes) else text.encode()
    return list(read(body.splitlines(keepends=True), NOW))


def entries(text: str | bytes) -> list[Suppression | None]:
    return [row.entry for row in rows(text)]


@pytest.mark.parametrize(
    "text",
    [
        "ann@sink.example",
        "ann@SINK.example\r\n",
        "ann@sink.example,manual",
        "ann@sink.example,,",
        "email\nann@sink.example\n",
        "\ufeffEmail,Reason\r\nann@sink.example,manual\r\n",
        "reason,email\nmanual,ann@sink.example\n",
        '"ann@sink.example","manual"\n',
        "\n\n  ann@sink.example  ,\n,,\n",
        "name,email,at\nAnn,ann@sink.example,\n",
    ],
)
def test_ways_to_write_an_address(text: str) -> None:
    assert entries(text) == [entry("ann@sink.example")]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-21T15:00:00Z", 1795273200.0),
        ("2026-11-21T16:00:00+01:00", 1795273200.0),
        ("2026-11-21 15:00:00", 1795273200.0),
        ("1795273200", 1795273200.0),
        ("1795273200.5", 1795273200.5),
    ],
)
def test_ways_to_write_a_time(text: str, at: float) -> None:
    assert entries(f"ann@sink.example,complaint,{text}") == [
        entry("ann@sink.example", "complaint", at)
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ann", "'ann' is no mail address"),
        ("ann@sink.example@", "is no mail address"),
        (",manual", "'' is no mail address"),
        ("ann@sink.example\x00", "is no mail address"),
        ("ann@sink.example,spam", "'spam': a reason is hard_bounce"),
        ("ann@sink.example,manual,yesterday", "'yesterday' is no time"),
        ("ann@sink.example,manual,nan", "'nan' is no time"),
        ("ann@sink.example,manual,-1", "'-1' is no time"),
        ("ann@sink.example,manual,1e300", "'1e300' is no time"),
        (b"\xff\xfe@sink.example", "is no mail address"),
        (b"email,delivery\nann@sink.example,\xff", "no UTF-8"),
        ("email,delivery\nann@sink.example,\x1b[2Jgone", "a control character"),
        ("email,digest\n,0123", "is no mail address"),
        (f"email,digest\n,{'Z' * 40}", "is no mail address"),
        (f"{'x' * 20_000}@sink.example", "too long"),
        (f'"{"x" * 200_000}', "field larger than field limit"),
    ],
)
def test_a_line_that_cannot_be_used_says_why(text: str | bytes, why: str) -> None:
    (row,) = rows(text)
    assert row.entry is None
    assert why in row.why
    assert len(row.why) < 300
    row.why.encode()


def test_lines_are_counted_as_an_editor_does() -> None:
    text = "email\n\nann@sink.example\nbroken\n\nben@sink.example\nworse\n"
    assert [(row.line, row.entry is None) for row in rows(text)] == [
        *((3, False), (4, True), (6, False), (7, True))
    ]


@pytest.mark.parametrize("field", ['"{}', '{},"manual', '{},manual,1,"', '{},manual,1,x,"'])
@pytest.mark.parametrize("count", [3, 20_000])
def test_a_quotation_mark_that_does_not_end_takes_no_other_address_along(
    field: str, count: int
) -> None:
    first, *others = addresses(count)
    text = "\n".join(["email,reason,at,delivery,note", field.format(first), *others])
    read = rows(text)
    found = {row.entry.email: row.line for row in read if row.entry}
    if field.endswith(',x,"') and count == 3:  # a note may have several lines
        assert [row.line for row in read] == [count + 1]
    else:
        assert found == {email: line for line, email in enumerate(addresses(count), 2)}


def test_a_note_may_have_several_lines() -> None:
    text = 'email,note\nann@sink.example,"one,\ntwo"\nben@sink.example,x\n'
    assert [(row.line, row.entry and row.entry.email) for row in rows(text)] == [
        *((3, "ann@sink.example"), (4, "ben@sink.example"))
    ]


@given(st.binary())
@example(b'"')
@example(b"\r\r\n\x00")
def test_whatever_comes_is_an_entry_or_said_to_be_none(body: bytes) -> None:
    for row in rows(body):
        if row.entry is not None and row.entry.email:
            assert normal(row.entry.email) == row.entry.email
        else:
            assert row.why or row.entry


@given(
    st.builds(
        Suppression,
        email=st.sampled_from(
            [
                "ann@sink.example",
                '"a, \\"b"@sink.example',
                "=1+1@sink.example",
                "jürgen@sink.example",
            ]
        ),
        reason=st.sampled_from(REASONS),
        at=st.integers(0, 4_000_000_000).map(float) | st.just(NOW + 0.125),
        delivery=st.sampled_from(["", "01hf7yat00abcdefghjkmnpqrs.0000.0001"]),
    )
    | st.just(NAMELESS)
)
def test_what_is_exported_is_imported_as_it_was(kept: Suppression) -> None:
    assert entries(head() + line(kept)) == [kept]


def test_the_head_names_the_columns() -> None:
    text = (head() + line(entry("ann@sink.example"))).decode()
    (row,) = csv.DictReader(io.StringIO(text))
    assert row == {
        "email": "ann@sink.example",
        "reason": "manual",
        "at": "2027-01-15T08:00:00Z",
        "delivery": "",
        "digest": "",
    }


# Importing.


def test_an_import_says_what_became_of_each_line() -> None:
    here = Suppressed()
    here.add("ann@sink.example", "complaint")
    done = here.import_csv("ANN@sink.example\nben@sink.example\nBen@sink.example\nbroken\n")
    assert (done.added, done.known, done.invalid) == (1, 2, 1)
    assert [(row.line, row.why) for row in done.errors] == [(4, "'broken' is no mail address")]
    assert here.knows("ann@sink.example", "ben@sink.example")
    found = here.find("ann@sink.example")
    assert found is not None
    assert found.reason == "complaint", "the first reason stays"


def test_an_import_makes_no_object_for_each_address() -> None:
    here = Suppressed()
    here.import_csv("\n".join(addresses(5000)))
    assert here.fresh() == []
    assert len(here.stored()) == 4  # the index, the digests, two blocks
    again = here.import_csv("\n".join(addresses(5000)))
    assert (again.added, again.known) == (0, 5000)
    assert len(here.stored()) == 4


def test_a_large_import_becomes_several_segments_and_then_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.suppressions.importing.MOST_AT_ONCE", 1000)
    here = Suppressed()
    text = "\n".join([*addresses(3500), *addresses(200)])
    done = here.import_csv(text)
    assert (done.added, done.known) == (3500, 200)
    assert len(here.segments()) == 4
    assert here.compact().segments == [3500]
    assert here.emails() == set(addresses(3500))


def test_an_import_of_nothing_leaves_nothing() -> None:
    here = Suppressed()
    done = here.import_csv("email\n\nbroken\n")
    assert (done.added, done.invalid) == (0, 1)
    assert here.stored() == []


def test_a_nameless_entry_is_imported_by_its_digest() -> None:
    here = Suppressed()
    here.import_csv(f"email,digest\n,{digest('ann@sink.example')}\n")
    assert here.knows("ann@sink.example")
    assert here.emails() == {""}


def test_only_so_many_faults_are_told() -> None:
    here = Suppressed()
    done = here.import_csv("broken\n" * 1500)
    assert (done.invalid, len(done.errors)) == (1500, 1000)


def test_an_imported_address_can_be_taken_away() -> None:
    here = Suppressed()
    here.import_csv("\n".join(addresses(10)))
    assert here.remove(addresses(1)[0])
    assert not here.knows(addresses(1)[0])
    here.import_csv(addresses(1)[0])
    assert here.knows(addresses(1)[0])
    assert here.stored(keys.suppressions(DOMAIN)) == [keys.suppression_index(DOMAIN)]
