"""The routes of the sandbox."""
