"""The HTTP transport: connections, credentials, rate limiter, retries and cache."""
