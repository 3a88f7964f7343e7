"""Listings past the service's depth cap: a pure planner and its driver."""
