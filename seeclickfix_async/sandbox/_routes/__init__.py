"""The handlers of the sandbox, one module for each part of the API."""
