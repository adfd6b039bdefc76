"""Where the points and pixels of a face go."""
