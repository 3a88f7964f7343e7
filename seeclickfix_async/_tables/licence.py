"""The terms of the service's data, which every file of it names."""

ATTRIBUTION = "seeclickfix.com"
LICENCE = "https://creativecommons.org/licenses/by-nc-sa/3.0/us/"
"""The licence under which SeeClickFix data may be passed on, with attribution (documented)."""
