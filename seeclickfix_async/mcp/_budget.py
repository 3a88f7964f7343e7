"""The time that a call of a tool may wait for the quota."""

from __future__ import annotations

import anyio
import attrs

from seeclickfix_async._client import AsyncClient


@attrs.frozen
class Budget:
    """The wait that is left to one call, over all of its requests."""

    _client: AsyncClient
    _seconds: float
    _began: float = attrs.field(factory=anyio.current_time)

    @property
    def client(self) -> AsyncClient:
        """A view of the client that waits no longer than what is left."""
        left = self._began + self._seconds - anyio.current_time()
        return self._client.with_options(max_wait=max(0.0, left))
