"""A hospital's own folder: its mapping, its tables, the privacy pass, the joining, and the proof of it."""
