"""Logs: ECS JSON files → shipped exactly once → a store that is searched with Lucene's query language."""
