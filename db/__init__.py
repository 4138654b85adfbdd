"""What Shelf Lens stores and how it is read and written; imports neither `app` nor `precompute`."""
