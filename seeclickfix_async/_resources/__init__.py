"""The API's nouns."""
