"""What colors the pixels of a face have, and how two faces are blended."""
