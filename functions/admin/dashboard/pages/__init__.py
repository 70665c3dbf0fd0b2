"""All pages, and the navigation."""

from collections.abc import Iterator

from functions.admin.dashboard.visit import Page
from functions.admin.parts import Parts

LINKS = (
    ("", "Overview", "overview"),
    ("/queue", "Queue", "queue"),
    ("/batches", "Batches", "batches"),
    ("/failed", "Failed work", "failed"),
    ("/domains", "Domains", "domains"),
    ("/statistics", "Statistics", "statistics"),
    ("/mails", "Received mails", "mails"),
)
"""(path, title, section). A page that is not there is not linked."""


def pages(parts: Parts) -> Iterator[Page]:
    """What can be answered with this configuration."""
    from functions.admin.dashboard.pages import (
        batches,
        deliveries,
        domains,
        failed,
        find,
        mails,
        overview,
        queue,
        statistics,
        suppressions,
    )

    modules = (overview, queue, batches, deliveries, failed, domains, suppressions)
    for module in (*modules, statistics, find):
        yield from module.PAGES
    if parts.config.admin.mails:
        yield from mails.PAGES
