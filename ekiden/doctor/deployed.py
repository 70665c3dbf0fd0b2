"""The functions that the sweep wakes: do they answer, and are they ready?"""

import asyncio
import urllib.error
import urllib.request

from ekiden.doctor.beside import in_thread
from ekiden.doctor.finding import Finding, Scene, failed, ok, skipped

TIMEOUT_S = 20.0
"""One may have to be started first."""
MOST_WORDS = 300


async def functions(scene: Scene) -> list[Finding]:
    """`GET /readyz` of each URL of `sweep.targets`."""
    targets = [each.split("=", 1) for each in scene.config.sweep.targets]
    if not targets:
        return [skipped("sweep.targets names no function")]
    return list(await asyncio.gather(*(_ready(stage, url) for stage, url in targets)))


async def _ready(stage: str, url: str) -> Finding:
    status, words = await in_thread(lambda: _get(f"{url.rstrip('/')}/readyz"))
    if status == 200:
        return ok(f"{stage} at {url} is ready", stage)
    seen = f"{stage} at {url}: {f'{status} ' if status else ''}{words}"
    return failed(seen, "does it run, may it be reached from here, does it have its store?", stage)


def _get(url: str) -> tuple[int, str]:
    """(status, what it said); status 0 if there was no answer."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.read(MOST_WORDS).decode("utf-8", "replace")
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read(MOST_WORDS).decode("utf-8", "replace")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return 0, str(getattr(error, "reason", error))
