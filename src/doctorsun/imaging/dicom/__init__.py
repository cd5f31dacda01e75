"""DICOM files -> series: headers in one quick pass, frames decoded one at a time."""
