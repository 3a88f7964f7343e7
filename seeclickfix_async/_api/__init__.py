"""From arguments to a request, and from an answer to models."""
