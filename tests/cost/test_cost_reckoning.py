"""What a month takes and costs, reckoned: no store, no clock."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiden.cost import measured
from ekiden.cost.bill import bill, offer
from ekiden.cost.prices import Hosted, OfMails, OfMonth, Plan, load
from ekiden.cost.report import report
from ekiden.cost.traffic import MONTH_S, Traffic, parse_batch_size, parse_count, parse_size
from ekiden.cost.usage import month, of_one_batch
from shared.config import Config
from shared.domains import REMEMBER_S
from shared.errors import Malformed

MEASURED = measured.load()
PRICES = load()
TRAFFIC = Traffic(mails=1_000_000, batch_size=1000)
REQUESTS = ("put", "list", "get", "delete")
DAY_S = 86_400.0

traffics = st.builds(
    Traffic,
    mails=st.floats(0, 1e10),
    batch_size=st.integers(1, 100_000),
    size_bytes=st.floats(1, 1e7),
    events=st.sampled_from(["webhook", "sqs", "none"]),
    keep_s=st.floats(1, 3650 * DAY_S),
    sweep_every_s=st.sampled_from([0.0, 5.0, 3600.0]),
    bag_time_s=st.floats(0, 86_400),
)


def requests(traffic: Traffic, shape: str) -> float:
    taken = month(traffic, MEASURED, MEASURED.shapes[shape])
    return sum(taken.total(field) for field in REQUESTS)


def test_what_was_measured_fits_the_configuration_of_today() -> None:
    defaults, hint = Config(), "measure again: python -m benchmarks.cost"
    assert MEASURED.bag_size == defaults.validate.bag_size, hint
    assert MEASURED.part_size == defaults.send.flush_outcomes, hint
    assert MEASURED.part_interval_s == defaults.send.flush_interval, hint
    assert MEASURED.remembered_s == REMEMBER_S, hint
    assert {shape.sweep_every_s for shape in MEASURED.shapes.values()} == {defaults.sweep.interval}


@pytest.mark.parametrize(
    ("recipients", "bags", "parts"),
    [(1, 1, 1), (200, 1, 1), (201, 1, 2), (500, 1, 3), (501, 2, 4), (10_000, 20, 60)],
)
def test_a_batch_is_bags_and_parts(recipients: int, bags: int, parts: int) -> None:
    what = of_one_batch(recipients, MEASURED)
    assert (what["bag"], what["part"], what["large"]) == (bags, parts, bags > 1)


def test_a_bag_that_takes_long_writes_its_outcomes_each_second() -> None:
    assert of_one_batch(500, MEASURED, bag_time_s=60)["part"] == 60
    assert of_one_batch(500, MEASURED, bag_time_s=86_400)["part"] == 500, "one each, at most"
    assert of_one_batch(5, MEASURED, bag_time_s=60)["part"] == 1, "a small one is done sooner"


def test_the_published_figures_come_out() -> None:
    single = Traffic(mails=1, batch_size=1)
    ten_thousand = Traffic(mails=10_000, batch_size=10_000)
    sweeps = requests(Traffic(mails=0), "one-process")
    looked_up = 6
    assert round(requests(single, "one-process") - sweeps - looked_up) == 12
    assert (requests(ten_thousand, "one-process") - sweeps) / 10_000 == pytest.approx(0.0395, 0.05)


@given(traffics)
def test_a_bill_is_the_sum_of_its_lines_and_no_less_than_an_idle_month(traffic: Traffic) -> None:
    for name, provider in PRICES.providers.items():
        found = bill(name, provider, traffic, MEASURED)
        assert found.usd == pytest.approx(sum(line.usd for line in found.lines))
        assert found.usd >= found.idle_usd * (1 - 1e-9)
        assert all(line.usd >= 0 and line.quantity >= 0 for line in found.lines)


@given(traffics)
def test_all_that_is_counted_is_the_sum_of_its_terms(traffic: Traffic) -> None:
    for shape in MEASURED.shapes.values():
        taken = month(traffic, MEASURED, shape)
        for field in REQUESTS:
            terms = taken.terms(field)
            assert taken.total(field) == pytest.approx(
                sum(each.count * each.each for each in terms)
            )


def test_larger_batches_cost_fewer_requests() -> None:
    for shape in MEASURED.shapes:
        counts = [
            requests(Traffic(mails=1e6, batch_size=size), shape) for size in (1, 10, 100, 500)
        ]
        assert counts == sorted(counts, reverse=True)


def test_storage_grows_with_the_time_that_is_kept() -> None:
    def stored(keep_s: float) -> float:
        traffic = msgspec.structs.replace(TRAFFIC, keep_s=keep_s)
        lines = bill("x", PRICES.providers["aws-fargate"], traffic, MEASURED).lines
        return next(line.quantity for line in lines if line.name == "storage")

    assert stored(2 * MONTH_S) == pytest.approx(2 * stored(MONTH_S))


def test_sqs_costs_requests_to_a_queue_and_a_webhook_does_not() -> None:
    def names(events: str) -> set[str]:
        traffic = msgspec.structs.replace(TRAFFIC, events=events)
        lines = bill("x", PRICES.providers["aws-functions"], traffic, MEASURED).lines
        return {line.name for line in lines}

    assert names("sqs") - names("webhook") == {"requests to the queue"}


def test_a_second_machine_is_reckoned_when_one_would_be_half_busy() -> None:
    def machines(mails: float) -> float:
        traffic = Traffic(mails=mails, batch_size=1000)
        return bill("x", PRICES.providers["own-machine"], traffic, MEASURED).lines[-1].quantity

    assert machines(0) == 1
    assert machines(1e11) > 10


def test_of_a_hosted_senders_plans_the_cheapest_counts() -> None:
    def plan(mails: float, usd: float, extra: float | None = None) -> Plan:
        about = {"source": "a test", "date": "today"}
        more = None if extra is None else OfMails(usd=extra, per="1,000 mails", **about)
        return Plan(mails, OfMonth(usd=usd, per="month", **about), more)

    sender = Hosted("a sender", [plan(1000, 10, 2.0), plan(5000, 15)])
    costs = [offer("x", sender, Traffic(mails=n)).usd for n in (500, 1000, 2000, 4000, 6000)]
    assert costs == [10, 10, 12, 15, 20]
    assert offer("x", Hosted("small", [plan(10, 1)]), Traffic(mails=11)).usd is None


def test_no_mail_at_all_still_has_a_price_but_none_per_thousand() -> None:
    found = report(Traffic(mails=0), PRICES, MEASURED)
    assert all(each.usd > 0 and each.usd_per_1000 is None for each in found.providers)


@pytest.mark.parametrize(
    ("text", "count"),
    [("1M", 1e6), ("250k", 250_000), ("1,000,000", 1e6), ("2.5m", 2.5e6), ("0", 0), ("1B", 1e9)],
)
def test_counts_are_read_as_people_write_them(text: str, count: float) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize(
    ("text", "size"), [("20KB", 20_000), ("1.5 MiB", 1_572_864), ("700", 700), ("1kib", 1024)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: float) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "1e6", "1,00", "1.2.3", "١", "nan", "inf", "1 M M", "9" * 40],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    for parse in (parse_count, parse_size, parse_batch_size):
        with pytest.raises(Malformed):
            parse(text)


def test_more_mails_than_anybody_sends_are_refused() -> None:
    with pytest.raises(Malformed, match="too many"):
        parse_count("9999999B")


@pytest.mark.parametrize("text", ["0", "0.5", "1.5", "11M"])
def test_a_batch_has_a_whole_number_of_recipients(text: str) -> None:
    with pytest.raises(Malformed):
        parse_batch_size(text)
