"""PromQL's functions, by what they take: windows (range vectors), frames (vectors), or neither."""
