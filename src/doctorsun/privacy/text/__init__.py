"""De-identification of text, zh and en: one engine for reports, rows of tables and names of files."""

from doctorsun.privacy.text.cleaner import Cleaned, Span, TextCleaner
from doctorsun.privacy.text.known import Known

__all__ = ["Cleaned", "Known", "Span", "TextCleaner"]
