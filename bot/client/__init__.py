"""Everything that knows discord.py."""
