"""Quality filters of words: a file each, with a `REASON` and one small function.

A file has `fault(seen)`, true where the words must go, or `mend(seen)`, which gives the answer without what
does not belong there. The name of the file is the name a recipe uses: `text: {skip: [panels]}`.
"""
