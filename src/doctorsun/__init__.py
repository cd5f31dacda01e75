"""Doctor Sun: a bilingual (中文 / English) multimodal model for medicine, from data to the desk."""

__version__ = "0.1.0"
