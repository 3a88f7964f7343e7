"""Values and functions without an event loop or an HTTP library."""
