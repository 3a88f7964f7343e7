"""Print the 20 issues of a place that have been open for the longest time."""

import sys

from seeclickfix_async import AsyncClient, PlaceArea, blocking

place = PlaceArea(sys.argv[1] if len(sys.argv) > 1 else "example-city")
client = AsyncClient.from_env(token=None, contact="you@example.org")
with blocking(client) as scf:
    oldest = client.issues.list(area=place, status="open", sort="created_at", sort_direction="ASC")
    page = scf(oldest)
for issue in page:
    print(issue.created_at, issue.summary, issue.html_url, sep="  ")
if not page:
    sys.exit("There are no issues. Is that the place's url_name?")
