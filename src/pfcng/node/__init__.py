"""A node of the platform: one parent that holds the sockets, and the processes that serve (docs/serving.md)."""
