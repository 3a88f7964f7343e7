"""The Discord bot of `examples/`, which is stopped and killed at each step of a post."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from anyio.abc import Process

from seeclickfix_async import AsyncClient, Change, ChangeKind
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from seeclickfix_async.testing import Builder
from tests.support.discord_server import DiscordServer, discord_server
from tests.support.example_programs import load_program
from tests.support.repository import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]  # its own

_PROGRAM = """
import functools, sys
import anyio, discord.gateway, discord.http, yarl
import seeclickfix_async
from tests.support.example_programs import load_program

url = sys.argv[1]
discord.http.Route.BASE = f"{url}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{url}/gateway")
seeclickfix_async.AsyncClient.from_env = functools.partial(
    seeclickfix_async.AsyncClient.from_env, limiter=None
)
bot = load_program("discord-bot/bot.py")
bot.EVERY = 0.05
anyio.run(bot.main)
"""


class City:
    """A sandbox, in which residents comment on an issue."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(30, settings=Settings(quota=None))
        self.url = ""
        self._issue = self.sandbox.city.id_of(self.sandbox.city.report())

    async def comment(self, words: str) -> None:
        async with AsyncClient(TOKEN, base_url=self.url, limiter=None) as client:
            await client.issues.comment(self._issue, words)

    async def is_polled(self) -> None:
        """Wait until the feed has begun, or has read what happened before."""
        before = len(self.sandbox.requests)
        await _until(lambda: len(self.sandbox.requests) > before + 3)


async def _until(is_true: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not is_true():  # noqa: ASYNC110  # events of threads and processes
            await anyio.sleep(0.01)


@asynccontextmanager
async def _running(
    folder: Path, city: City, discord: DiscordServer, *, ends_with: int = 0
) -> AsyncIterator[Process]:
    """Start the bot, and wait for its end after the block."""
    settings = {"PYTHONPATH": str(ROOT), "SEECLICKFIX_BASE_URL": city.url}
    settings |= {"SEECLICKFIX_PLACE": "example-city"}
    settings |= {"DISCORD_TOKEN": "token", "DISCORD_CHANNEL": "7"}
    process = await anyio.open_process(
        [sys.executable, "-c", _PROGRAM, discord.url],
        cwd=folder,
        env={**os.environ, **settings},
        stdout=None,
        stderr=None,
    )
    async with process:
        try:
            yield process
            with anyio.fail_after(30):
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
    assert code == ends_with


@pytest.mark.filterwarnings("ignore:'audioop':DeprecationWarning")  # of discord.py
@pytest.mark.filterwarnings("ignore:'count' is passed:DeprecationWarning")  # of discord.py
async def test_a_message_has_only_what_discord_accepts(scf_builder: Builder) -> None:
    bot = load_program("discord-bot/bot.py")
    media = {"image_square_100x100": "/assets/none.png"}
    issue = scf_builder.detailed_issue(html_url="/issues/7", address=" ", media=media)
    change = Change("key", ChangeKind.OPENED, datetime.now(UTC), issue)

    message = bot.to_embed(change).to_dict()

    assert message.keys().isdisjoint({"url", "thumbnail", "fields"})


async def test_each_change_is_posted_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    city = City()
    async with discord_server() as discord:
        with city.sandbox.serve() as city.url:
            async with _running(tmp_path, city, discord) as process:
                await city.is_polled()
                await city.comment("@everyone [A](https://a.example)")
                await _until(lambda: len(discord.messages) == 1)
                await city.is_polled()
                process.terminate()

            await city.comment("B")
            arrived, released = discord.pause_next("received")
            async with _running(tmp_path, city, discord) as process:
                await arrived.wait()
                process.terminate()  # while B is being posted
                await anyio.sleep(0.2)  # the signal is handled meanwhile
                released.set()
            assert len(discord.messages) == 2

            await city.comment("C")
            arrived, released = discord.pause_next("stored")
            async with _running(tmp_path, city, discord, ends_with=-signal.SIGKILL) as process:
                await arrived.wait()
                process.kill()  # when C is posted, and the response has not arrived
            released.set()
            assert discord.searches == 0  # B is not in doubt
            discord.forget_nonces()

            async with _running(tmp_path, city, discord, ends_with=-signal.SIGKILL) as process:
                await _until(lambda: discord.searches == 1)
                await city.is_polled()
                arrived, released = discord.pause_next("received")
                await city.comment("D")
                await arrived.wait()
                process.kill()  # before D is posted

            async with _running(tmp_path, city, discord) as process:
                await _until(lambda: len(discord.messages) == 4)
                released.set()  # the first request for D was on its way all the time
                await city.comment("E")
                await _until(lambda: len(discord.messages) == 5)
                await city.is_polled()
                process.terminate()

    assert discord.words() == [r"@everyone \[A](https://a.example)", "B", "C", "D", "E"]
    assert [body["embeds"][0]["description"] for body in discord.bodies].count("D") == 2
    assert discord.online == ["example-city"] * 5
    assert all(body["allowed_mentions"] == {"parse": []} for body in discord.bodies)
    assert "Traceback" not in capfd.readouterr().err
