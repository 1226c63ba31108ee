"""One file a noun: the routes of the operations API."""
