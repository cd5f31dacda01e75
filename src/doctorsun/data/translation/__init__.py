"""Translation of what exists in one language only: by any `Chat`, checked by rules, translated back."""
