"""Commands over a real S3 server end as they should."""

from concurrent.futures import ThreadPoolExecutor

from seaweed import Seaweed
from test_commands import ekiden


def test_a_command_that_has_done_its_work_ends_well(seaweed: Seaweed) -> None:
    """The S3 client's threads must not abort a process that is leaving: now and then they did."""
    url = seaweed.url("commands")
    assert ekiden("domain", "add", "example.org", store_url=url).returncode == 0
    with ThreadPoolExecutor(2) as two:
        ran = list(two.map(lambda n: ekiden("show", "domains/", store_url=url), range(24)))
    assert {each.returncode for each in ran} == {0}
    assert all("domains/example.org/domain.json" in each.stdout for each in ran)
