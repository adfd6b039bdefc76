"""Operations on the pixels of a face: blending, color transfer, and edits of eyes and skin."""
