"""What each channel reads from its `<channel>_configs` entry: one file a channel."""
