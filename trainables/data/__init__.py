"""Datasets as arrays, and their augmentation on whole batches."""
