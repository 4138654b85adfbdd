"""From a folder of pictures and OCR entries to stored samples."""
