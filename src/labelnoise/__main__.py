"""``python -m labelnoise``."""

from labelnoise.cli.main import main

main()
