"""Messages for the changes of a feed, through the services of apprise."""

from __future__ import annotations

import logging
import warnings
from typing import Any, Self

from anyio import to_thread

from seeclickfix_async import Change, Delivery
from seeclickfix_async._cli.secrets import get_secret, keep_secret
from seeclickfix_async._cli.terminal import err, make_harmless
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.variables import NOTIFY_VARIABLE
from seeclickfix_async.errors import InvalidArgumentError


def format_change(change: Change) -> str:
    """Return a change as a line."""
    content = change.comment.comment if change.comment else change.issue.summary
    author = "a system " if change.automatic else ""
    return f"{change.at} #{change.issue.id} {author}{change.kind}: {content or ''}"


class Notifier:
    """Sends a message for each change to one service; its URL may contain a password.

    Args:
        url: The URL of a service of apprise.

    Raises:
        InvalidArgumentError: apprise is missing, or does not know the URL.
    """

    def __init__(self, url: Secret) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of modules that it imports
            try:
                import apprise  # noqa: PLC0415  # an extra, and slow to load
            except ImportError:
                raise InvalidArgumentError(
                    "notify", "requires the 'notify' extra: pip install 'seeclickfix-async[notify]'"
                ) from None
            logging.getLogger("apprise").disabled = True  # its records contain parts of the URL
            self._service: Any = apprise.Apprise()
            is_known = self._service.add(url.reveal())
        self._options = {"body_format": apprise.NotifyFormat.TEXT}
        if not is_known:
            raise InvalidArgumentError(
                "notify",
                "is not a URL that apprise knows, such as mailto://, ntfy:// or slack://. Its "
                "documentation lists the services.",
            )

    @classmethod
    async def find(cls, url: str | None) -> Self | None:
        """Return the notifier of --notify or of SEECLICKFIX_NOTIFY; None without one."""
        if url is not None:
            keep_secret(NOTIFY_VARIABLE, url)
        secret = get_secret(NOTIFY_VARIABLE)
        return None if secret is None else await to_thread.run_sync(cls, secret)

    async def send(self, delivery: Delivery) -> bool:
        """Send a message in a thread; return True if it was delivered."""
        change, issue = delivery.change, delivery.change.issue
        title = make_harmless(f"#{issue.id} {change.kind}: {issue.summary or ''}")
        body = "\n".join(filter(None, (format_change(change), issue.address, issue.html_url)))
        if await to_thread.run_sync(self._deliver, title, body):
            return True
        err.print(f"scf: the message for {change.key} was not delivered. Check --notify.")
        return False

    def _deliver(self, title: str, body: str) -> bool:
        return bool(self._service.notify(body=body, title=title, **self._options))
