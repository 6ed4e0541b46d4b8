"""What the commands do: imported when one runs, so that the help waits for none of it."""
