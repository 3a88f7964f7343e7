"""Measurements of speed, memory and correctness, most as ratios within one run."""
