"""The endpoints, one module for each kind of thing. Each has `routes(parts)`."""

from functions.admin.parts import Parts
from functions.admin.route import Route


def routes(parts: Parts) -> list[Route]:
    """All endpoints."""
    from functions.admin.resources import failed, tracking

    modules = (
        tracking,
        failed,
    )
    return [route for module in modules for route in module.routes(parts)]
