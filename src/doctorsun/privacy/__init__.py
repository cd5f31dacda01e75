"""De-identification of headers, pixels and text, and the scan that looks for what was left."""
