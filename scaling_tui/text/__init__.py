"""The ground floor: text in and out.

Files read safely, numbers as people of the field write them, columns, suggestions.
"""
