"""De-identification of DICOM files: PS3.15 Basic Profile with options, every element decided by rule."""
