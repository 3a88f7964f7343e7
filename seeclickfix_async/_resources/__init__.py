"""The resources of the API: `client.issues`, `client.users` and so on."""
