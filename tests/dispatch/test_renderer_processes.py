"""Rendering in processes of their own: the same Bags, and no harm when one is killed."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest
from dispatching import bag_of, content, job_of, made_of

from ekiden.cores import Cores, RendererDied, RenderFailed
from ekiden.renderer import frame
from functions.dispatch.job import Job, render


def job(text: str = "Dear {{ name }}", names: int = 3) -> Job:
    return job_of(content(text=text), bag_of(*({"name": f"Reader {n}"} for n in range(names))))


def with_cores(story: Callable[[Cores], Awaitable[None]], processes: int = 1) -> None:
    async def told() -> None:
        cores = Cores(processes)
        await cores.start()
        try:
            await story(cores)
        finally:
            await cores.stop()

    asyncio.run(asyncio.wait_for(told(), 30))


async def kill(cores: Cores) -> None:
    """Kill every renderer, and wait until their parent has seen it."""
    for child in cores._children:
        child._process.kill()
        await child._reader


def test_a_bag_is_the_same_as_if_rendered_here() -> None:
    async def story(cores: Cores) -> None:
        assert await cores.render(job()) == render(job())

    with_cores(story)


def test_many_bags_at_once_are_not_mixed_up() -> None:
    async def story(cores: Cores) -> None:
        jobs = [job(f"Number {n} for {{{{ name }}}}", names=1 + n % 5) for n in range(40)]
        bodies = await asyncio.gather(*map(cores.render, jobs))
        for n, body in enumerate(bodies):
            contents = [mail.get_content() for mail in made_of(body).mails]
            assert contents == [f"Number {n} for Reader {k}\r\n" for k in range(1 + n % 5)]

    with_cores(story, processes=2)


def test_a_bag_that_cannot_be_rendered_fails_alone_and_says_why() -> None:
    async def story(cores: Cores) -> None:
        with pytest.raises(RenderFailed, match="TemplateFault"):
            await cores.render(job("{{ unclosed"))
        assert made_of(await cores.render(job())).mails

    with_cores(story)


def test_a_killed_renderer_loses_its_bag_and_is_replaced() -> None:
    async def story(cores: Cores) -> None:
        endless = "{% for i in range(100000) %}{% endfor %}" * 2
        rendering = asyncio.create_task(cores.render(job(endless, names=2000)))
        await asyncio.sleep(0)  # so that the job is on its way
        (child,) = cores._children
        assert child.load == 1
        await kill(cores)
        with pytest.raises(RendererDied):
            await rendering
        assert await cores.render(job()) == render(job())
        assert child not in cores._children

    with_cores(story)


def test_a_renderer_killed_while_idle_is_replaced_before_the_next_bag() -> None:
    async def story(cores: Cores) -> None:
        await kill(cores)
        assert await cores.render(job()) == render(job())
        assert len(cores._children) == 2

    with_cores(story, processes=2)


def test_stopping_leaves_no_process_behind() -> None:
    async def story() -> None:
        cores = Cores(2)
        await cores.start()
        processes = [child._process for child in cores._children]
        await cores.stop()
        assert [process.returncode for process in processes] == [0, 0]

    asyncio.run(asyncio.wait_for(story(), 30))


def test_it_ends_quietly_when_its_parent_was_killed_in_the_middle_of_a_job() -> None:
    command = [sys.executable, "-m", "ekiden.renderer"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as renderer:
        assert renderer.stdin
        assert renderer.stdout
        assert renderer.stderr
        assert renderer.stdout.read(4)
        renderer.stdout.close()
        renderer.stdin.write(frame(job(names=500)))
        renderer.stdin.close()
        said = renderer.stderr.read()
    assert (said, renderer.returncode) == (b"", 0)
