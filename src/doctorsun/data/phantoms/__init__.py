"""Pictures made by code, one file a kind: `draw(rng, px)` gives the picture and exactly what is in it."""
