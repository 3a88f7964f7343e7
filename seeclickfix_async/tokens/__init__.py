"""Tokens that live: got, kept and renewed."""
