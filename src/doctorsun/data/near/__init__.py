"""What two data sets must not share: pictures and words that are nearly the same, and how they are found."""
