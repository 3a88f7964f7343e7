"""Long work: everything of a query into a file.

    report = await pull(client, to="city.db", area=PlaceArea("example-city"))

An interrupted pull goes on where it stood, and a finished one can be brought up to date.
"""

from seeclickfix_async.pull.drawing import page as page
from seeclickfix_async.pull.frames import table as table
from seeclickfix_async.pull.job import pull as pull
from seeclickfix_async.pull.plan import Part as Part
from seeclickfix_async.pull.plan import plan as plan
from seeclickfix_async.pull.sinks import Sink as Sink
from seeclickfix_async.pull.sinks import open_sink as open_sink
from seeclickfix_async.pull.teller import Stage as Stage
from seeclickfix_async.pull.teller import Teller as Teller
