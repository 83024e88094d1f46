"""One self-contained page of a sweep or a table of runs, as HTML or Markdown.

`of_sweep` and `of_table` gather the facts, by the functions that the commands and the app call too, as a `Report`:
a JSON document and a `Page` of plain blocks. `html` and `markdown` write the blocks and know nothing of sweeps.
"""
