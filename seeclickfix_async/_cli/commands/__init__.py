"""The commands of `scf`."""
