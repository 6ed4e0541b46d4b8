"""What runs later: tasks over the use cases, and the workers that run them (docs/later.md)."""
