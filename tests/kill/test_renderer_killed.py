"""A renderer is killed in the middle of its work (as by the system, for its memory): another takes
its place, and the Bag is rendered again."""

import os
import signal
from pathlib import Path

import pytest
from station import BATCH, run, running_station

from ekiden import relay


def renderers() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in listed}
    return [pid for pid, command in commands.items() if b"ekiden.renderer" in command]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds processes in /proc")
def test_killed_renderers_delay_their_bags_and_lose_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "FIRST_PAUSE_S", 0.01)
    rows = [{"email": f"r{n}@sink.example", "fields": {"name": str(n)}} for n in range(300)]

    async def story() -> None:
        async with running_station(
            f"sqlite:///{tmp_path}/ekiden.db", validate__bag_size="20", dispatch__workers="2"
        ) as here:
            before = set(renderers())
            assert len(before) == 2
            batch = await here.submit({**BATCH, "recipients": rows})
            while not await here.keys("batches/"):
                pass  # its Bags come now; the relay works while the file is read
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            assert (await here.done(batch))["outcomes"] == {"delivered": 300}
            await here.idle()
            assert len(renderers()) == 2
            assert before.isdisjoint(renderers())
            assert await here.keys("failed/") == []
            assert here.sink.accepted == 300

    run(story)
