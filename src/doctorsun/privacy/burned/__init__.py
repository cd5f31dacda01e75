"""Text burned into pixels: found, read, and blanked."""

from doctorsun.privacy.burned.cleaning import PixelOutcome, clean_pixels
from doctorsun.privacy.burned.finding import Box, find_text

__all__ = ["Box", "PixelOutcome", "clean_pixels", "find_text"]
