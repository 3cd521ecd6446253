"""Audio files nobody vouches for: headers, decoding, encoding, cache. Imports nothing above `stats`."""
