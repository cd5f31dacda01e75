"""A tracker is a file here, with `open_tracker(Tracked) -> Tracker`; a recipe names it in `report_to`."""
