"""The commands: Typer, one file a group, imports inside.

What they print comes from the functions that the screens call.
"""
