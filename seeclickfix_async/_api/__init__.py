"""From arguments to a request, and from a response to models."""
