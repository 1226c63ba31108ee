"""Where samples are kept: the embedded store."""
