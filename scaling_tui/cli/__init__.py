"""The commands by part: one thin function each. What they print comes from the same functions as the screens."""
