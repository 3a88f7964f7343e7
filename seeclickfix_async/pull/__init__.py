"""Pulls of all issues of a query into a file, a database, a dataset or a table.

    report = await pull(client, to="city.db", area=PlaceArea("example-city"))

An interrupted pull can be continued, and a complete one can be brought up to date.
"""

from seeclickfix_async._core.public_names import publish
from seeclickfix_async.pull._checkpoint import Checkpoint as Checkpoint
from seeclickfix_async.pull._job import pull as pull
from seeclickfix_async.pull._map._write import write_map as write_map
from seeclickfix_async.pull._plan import Part as Part
from seeclickfix_async.pull._plan import plan as plan
from seeclickfix_async.pull._progress import ProgressListener as ProgressListener
from seeclickfix_async.pull._progress import Stage as Stage
from seeclickfix_async.pull._rows import StoredRow as StoredRow
from seeclickfix_async.pull._rows import VanishedMarks as VanishedMarks
from seeclickfix_async.pull._sinks import Sink as Sink
from seeclickfix_async.pull._sinks import open_sink as open_sink
from seeclickfix_async.pull._table import table as table

__all__ = [
    "Checkpoint",
    "Part",
    "ProgressListener",
    "Sink",
    "Stage",
    "StoredRow",
    "VanishedMarks",
    "open_sink",
    "plan",
    "pull",
    "table",
    "write_map",
]

publish(__name__, [globals()[name] for name in __all__])
