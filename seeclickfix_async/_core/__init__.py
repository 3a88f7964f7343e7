"""Values and functions that need no HTTP library."""
