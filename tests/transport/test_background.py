"""Background work in an event loop that anyio has not started."""

from __future__ import annotations

import asyncio

from seeclickfix_async._transport import background


def test_delayed_work_begins_in_a_plain_event_loop_of_asyncio() -> None:
    """So leases of slots are renewed under `asyncio.run`, too."""

    async def main() -> None:
        done = asyncio.Event()

        async def work() -> None:
            done.set()

        background.start_later(0, work)
        await asyncio.wait_for(done.wait(), 1)

    asyncio.run(main())
