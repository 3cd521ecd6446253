"""Measuring sets of audio, comparing them, and matching one to another."""
