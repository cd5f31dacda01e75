"""Formats of other toolkits, a file each: `ABOUT` is a key of `text/`, `write(outlet)` fills a folder."""
