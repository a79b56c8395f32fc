"""discord.py extensions: they translate between Discord and the services, and hold no rules."""
