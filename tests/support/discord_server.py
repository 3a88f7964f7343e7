"""As much of Discord as a bot of discord.py needs that posts messages: REST and gateway."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import anyio
from aiohttp import web

_USER = {"id": "1", "username": "bot", "discriminator": "0", "avatar": None, "bot": True}
_APPLICATION = {
    "id": "2",
    "name": "bot",
    "description": "",
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "owner": _USER,
    "verify_key": "",
    "flags": 0,
}
_EMPTY: dict[str, list[Any]] = {"attachments": [], "mentions": [], "mention_roles": []}
_PLAIN = {"content": "", "tts": False, "pinned": False, "mention_everyone": False, "type": 0}

Stage = Literal["received", "stored"]


class DiscordServer:
    """A channel, in which a message with the nonce of a recent one is that one.

    Attributes:
        messages: The messages of the channel, oldest first.
        bodies: The bodies of all requests to post one.
        searches: Number of requests for the channel's messages.
        online: What the bot shows as its activity, for each connection to the gateway.
    """

    def __init__(self) -> None:
        self.url = ""
        self.messages: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.searches = 0
        self.online: list[str] = []
        self._nonces: dict[str, dict[str, Any]] = {}
        self._pause: tuple[Stage, anyio.Event, anyio.Event] | None = None

    def pause_next(self, stage: Stage) -> tuple[anyio.Event, anyio.Event]:
        """Stop at a stage of the next message; return the events of its arrival and its end."""
        arrived, released = anyio.Event(), anyio.Event()
        self._pause = (stage, arrived, released)
        return arrived, released

    def forget_nonces(self) -> None:
        """Let some minutes pass: nonces are not compared with those of older messages."""
        self._nonces.clear()

    def words(self) -> list[str]:
        """Return the description of each message."""
        return [message["embeds"][0]["description"] for message in self.messages]

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        pause, self._pause = self._pause, None
        await _wait(pause, "received")
        assert body["enforce_nonce"]
        message = self._nonces.get(body["nonce"])
        if message is None:
            number = len(self.messages) + 1
            message = {"id": str(number), "channel_id": request.match_info["channel"], **_PLAIN}
            message |= {"author": _USER, "embeds": body["embeds"], "edited_timestamp": None}
            message |= {"timestamp": datetime.now(UTC).isoformat(), **_EMPTY}
            self.messages.append(message)
            self._nonces[body["nonce"]] = message
        await _wait(pause, "stored")
        return _json(message)

    async def _search(self, request: web.Request) -> web.Response:
        self.searches += 1
        before = int(request.query.get("before", len(self.messages) + 1))
        older = [message for message in self.messages if int(message["id"]) < before]
        return _json(older[::-1][: int(request.query["limit"])])

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve the gateway: hello, identify, ready, and heartbeats."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}})
        async for frame in socket:
            message = frame.json()
            if message["op"] == 1:
                await socket.send_json({"op": 11})
            elif message["op"] == 2:
                self.online.append(message["d"]["presence"]["game"]["name"])
                ready = {
                    "user": _USER,
                    "guilds": [],
                    "session_id": "3",
                    "application": _APPLICATION,
                }
                ready["resume_gateway_url"] = f"{self.url}/gateway"
                await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": ready})
        return socket

    def application(self) -> web.Application:
        """Return the application that serves it."""

        async def user(_: web.Request) -> web.Response:
            return _json(_USER)

        async def information(_: web.Request) -> web.Response:
            return _json(_APPLICATION)

        api = "/api/v10"
        app = web.Application()
        app.add_routes(
            [
                web.get(f"{api}/users/@me", user),
                web.get(f"{api}/oauth2/applications/@me", information),
                web.get(f"{api}/channels/{{channel}}/messages", self._search),
                web.post(f"{api}/channels/{{channel}}/messages", self._post),
                web.get("/gateway", self._connect),
            ]
        )
        return app


def _json(value: object) -> web.Response:
    """Return a response with the media type that discord.py compares, without a charset."""
    content = json.dumps(value).encode()
    return web.Response(body=content, headers={"Content-Type": "application/json"})


async def _wait(pause: tuple[Stage, anyio.Event, anyio.Event] | None, stage: Stage) -> None:
    if pause is not None and pause[0] == stage:
        pause[1].set()
        await pause[2].wait()


@asynccontextmanager
async def discord_server() -> AsyncIterator[DiscordServer]:
    """Serve it on a free port."""
    server = DiscordServer()
    runner = web.AppRunner(server.application(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
