"""The endpoints, one module for each kind of thing. Each has `routes(parts)`."""

from functions.admin.parts import Parts
from functions.admin.route import Route


def routes(parts: Parts) -> list[Route]:
    """All endpoints."""
    from functions.admin.resources import (
        addresses,
        api_keys,
        audit,
        backlog,
        batches,
        destinations,
        dkim,
        domain_check,
        domains,
        failed,
        retention,
        stats,
        suppressions,
        templates,
        tracking,
        webhooks,
    )

    modules = (
        domains,
        domain_check,
        dkim,
        api_keys,
        templates,
        audit,
        tracking,
        retention,
        failed,
        webhooks,
        suppressions,
        addresses,
        batches,
        stats,
        destinations,
        backlog,
    )
    return [route for module in modules for route in module.routes(parts)]
