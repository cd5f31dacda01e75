"""Vision encoders that transformers' LLaVA can carry, one file a family: `FAMILY` says all of it."""
