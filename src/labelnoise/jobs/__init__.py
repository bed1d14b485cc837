"""What the commands do: from files or bundled data to a folder of results."""
