"""On call: who the people are, and which alerts somebody has taken on."""
