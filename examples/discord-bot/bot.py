"""A Discord bot that posts each change of a place once, however often it is stopped or killed."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
from functools import partial

import anyio
import discord
from discord.utils import escape_markdown

from seeclickfix_async import AsyncClient, Change, ChangeKind, Delivery, PlaceArea, SqliteOutbox

EVERY = 60  # seconds between two polls
MAX_HISTORY = 1000  # messages of the channel that are searched after the bot was killed
POST_TIMEOUT = 30  # seconds

COLORS = {
    ChangeKind.OPENED: discord.Color.red(),
    ChangeKind.ACKNOWLEDGED: discord.Color.gold(),
    ChangeKind.CLOSED: discord.Color.green(),
    ChangeKind.REOPENED: discord.Color.red(),
}


def to_url(link: str | None) -> str | None:
    """Return a link, or None if it is relative: Discord would refuse the message."""
    return link if link and link.startswith(("https://", "http://")) else None


def to_embed(change: Change) -> discord.Embed:
    """Return the message. Its footer is the change's key, by which it is found again."""
    issue = change.issue
    words = change.comment.comment if change.comment else issue.description
    embed = discord.Embed(
        title=escape_markdown(f"{change.kind.capitalize()}: {issue.summary or issue.id}")[:256],
        description=escape_markdown(words or "")[:4096],
        url=to_url(issue.html_url),
        color=COLORS.get(change.kind),
        timestamp=change.at,
    )
    if issue.address and not issue.address.isspace():
        embed.add_field(name="Address", value=escape_markdown(issue.address)[:1024])
    if issue.media:
        embed.set_thumbnail(url=to_url(issue.media.image_square_100x100))
    return embed.set_footer(text=change.key)


async def is_posted(channel: discord.PartialMessageable, key: str) -> bool:
    """Return whether the channel has the message of a change."""
    async for message in channel.history(limit=MAX_HISTORY):
        if any(embed.footer.text == key for embed in message.embeds):
            return True
    return False


async def post(channel: discord.PartialMessageable, delivery: Delivery) -> None:
    """Post a change, unless an earlier attempt has done so."""
    key = delivery.change.key
    if delivery.attempts and await is_posted(channel, key):
        return
    # An earlier attempt may still be on its way. Discord posts a nonce once in some minutes.
    nonce = hashlib.sha256(key.encode()).hexdigest()[:25]
    with anyio.fail_after(POST_TIMEOUT, shield=True):  # SIGTERM waits for its end
        await channel.send(
            embed=to_embed(delivery.change),
            nonce=nonce,
            allowed_mentions=discord.AllowedMentions.none(),  # citizens write @everyone, too
        )


async def stop_at_sigterm(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


async def main() -> None:
    place = os.environ["SEECLICKFIX_PLACE"]
    activity = discord.Activity(type=discord.ActivityType.watching, name=place)
    async with (
        discord.Client(intents=discord.Intents(guilds=True), activity=activity) as bot,
        AsyncClient.from_env(token=None, contact="you@example.org") as client,
        SqliteOutbox("bot.db") as outbox,
    ):
        await bot.login(os.environ["DISCORD_TOKEN"])
        channel = bot.get_partial_messageable(int(os.environ["DISCORD_CHANNEL"]))
        feed = client.issues.watch(area=PlaceArea(place), every=EVERY)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop_at_sigterm, tasks.cancel_scope)
            tasks.start_soon(bot.connect)  # shows the bot as online
            tasks.start_soon(feed.deliver, partial(post, channel), outbox)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    anyio.run(main)
