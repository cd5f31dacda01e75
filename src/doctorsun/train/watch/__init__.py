"""What stands beside the training and never changes its bits: signals, status, scores, samples, trackers."""
