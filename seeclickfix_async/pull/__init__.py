"""Pulls of all issues of a query into a file, a database, a dataset or a table.

    report = await pull(client, to="city.db", area=PlaceArea("example-city"))

An interrupted pull can be continued, and a complete one can be brought up to date.
"""

from seeclickfix_async.pull._html_map import page as page
from seeclickfix_async.pull._job import pull as pull
from seeclickfix_async.pull._plan import Part as Part
from seeclickfix_async.pull._plan import plan as plan
from seeclickfix_async.pull._progress import ProgressListener as ProgressListener
from seeclickfix_async.pull._progress import Stage as Stage
from seeclickfix_async.pull._sinks import Sink as Sink
from seeclickfix_async.pull._sinks import open_sink as open_sink
from seeclickfix_async.pull._table import table as table

__all__ = [
    "Part",
    "ProgressListener",
    "Sink",
    "Stage",
    "open_sink",
    "page",
    "plan",
    "pull",
    "table",
]
